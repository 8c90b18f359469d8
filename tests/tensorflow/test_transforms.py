"""Transforms that are TensorFlow's own, against TensorFlow's ops.

The tolerances are those that docs/spec/transforms.md states, in levels of 255.
"""

import io
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from narrowcast.runtime.evaluation.transforms.coding import decode_image, encode_jpeg
from narrowcast.runtime.evaluation.transforms.cropping import (
    center_crop,
    crop_to_bounding_box,
)
from narrowcast.runtime.evaluation.transforms.imagenet import (
    bilinear_imagenet,
    resize_crop_imagenet,
    resize_with_aspect_ratio,
)
from narrowcast.runtime.evaluation.transforms.images import to_array
from narrowcast.runtime.evaluation.transforms.numbers import quantized_input
from narrowcast.runtime.evaluation.transforms.own import own_transform
from narrowcast.runtime.evaluation.transforms.sampling import sampled

METHODS = {
    "nearest": 0.0,
    "bilinear": 0.01,
    "area": 0.01,
    "bicubic": 0.2,
    "lanczos3": 0.01,
    "lanczos5": 0.01,
    "gaussian": 0.01,
    "mitchellcubic": 0.01,
}
"""Method of tf.image.resize → how far a number may be off; TensorFlow's own bicubic
takes its weights from a table of 1024 steps."""

SIZES = [((37, 53), (24, 24)), ((20, 31), (45, 67)), ((64, 48), (9, 48))]


def photo(height: int, width: int, channels: int = 3) -> np.ndarray[Any, Any]:
    """Smooth colors with noise, uint8."""
    generator = np.random.default_rng(height * width)
    rows, columns = np.mgrid[:height, :width, :channels][:2]
    waves = 127 + 90 * np.sin(rows / 7) * np.cos(columns / 5)
    noise = generator.normal(0, 12, waves.shape)
    return np.clip(waves + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("old", "new"), SIZES)
def test_sampled_as_tensorflow_resizes(
    method: str, old: tuple[int, int], new: tuple[int, int]
) -> None:
    image = photo(*old)
    expected = tf.image.resize(image, new, method=method).numpy()
    found = sampled(image, new, method)
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() <= METHODS[method]


@pytest.mark.parametrize("fraction", [0.875, 0.5, 0.33])
def test_bilinear_imagenet(fraction: float) -> None:
    image = photo(61, 47)
    floats = tf.image.convert_image_dtype(image, tf.float32)
    cropped = tf.image.central_crop(floats, fraction)
    resized = tf.image.resize(cropped[tf.newaxis], [24, 28], method="bilinear")[0]
    expected = ((resized - 0.5) * 2.0 - [0.1, 0.2, 0.3]) * 0.5
    found = bilinear_imagenet(
        image,
        height=24,
        width=28,
        central_fraction=fraction,
        mean_value=(0.1, 0.2, 0.3),
        scale=0.5,
    )
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("shape", [(61, 47), (47, 61), (50, 50)])
@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_resize_crop_imagenet(shape: tuple[int, int], order: str) -> None:
    image = photo(*shape)
    given = image[..., ::-1] if order == "BGR" else image
    scale = 32 / min(shape)
    size = [int(tf.math.rint(tf.constant(side, tf.float32) * scale)) for side in shape]
    resized = tf.image.resize(given[np.newaxis], size)[0]
    top, left = (size[0] - 24) // 2, (size[1] - 24) // 2
    cropped = tf.image.crop_to_bounding_box(resized, top, left, 24, 24)
    expected = (cropped - [123.68, 116.78, 103.94]) * 0.017
    found = resize_crop_imagenet(
        image,
        height=24,
        width=24,
        resize_side=32,
        mean_value=(123.68, 116.78, 103.94),
        scale=0.017,
        subpixels=order,
    )
    np.testing.assert_allclose(found, expected.numpy(), atol=0.01 * 0.017)


def test_resize_with_aspect_ratio() -> None:
    image = photo(70, 50)
    expected = tf.image.resize(image, (int(36 * 70 / 50), 36), method="area")
    found = resize_with_aspect_ratio(image, height=32, width=32)
    assert np.abs(found - expected.numpy()).max() <= METHODS["area"]


def test_crops_are_the_same_pixels() -> None:
    image = photo(31, 42)
    box = {"offset_height": 3, "offset_width": 5, "target_height": 20}
    expected = tf.image.crop_to_bounding_box(image, **box, target_width=30)
    found = crop_to_bounding_box(image, **box, target_width=30)
    np.testing.assert_array_equal(found, expected.numpy())
    middle = tf.image.resize_with_crop_or_pad(image, 20, 21).numpy()
    np.testing.assert_array_equal(center_crop(image, (20, 21)), middle)


@pytest.mark.parametrize("channels", [0, 1, 3])
@pytest.mark.parametrize(("dct", "tolerance"), [("INTEGER_ACCURATE", 0), ("", 8)])
def test_decoded_jpeg(channels: int, dct: str, tolerance: int) -> None:
    """TensorFlow's default is libjpeg's fast transform; the accurate one is Pillow's."""
    file = io.BytesIO()
    Image.fromarray(photo(48, 64)).save(file, "JPEG", quality=95)
    expected = tf.io.decode_jpeg(file.getvalue(), channels=channels, dct_method=dct)
    found = decode_image(file.getvalue(), channels=channels)
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected.numpy()).max() <= tolerance


@pytest.mark.parametrize("options", [{}, {"quality": 60}, {"progressive": True}])
def test_encoded_jpeg(options: dict[str, Any]) -> None:
    image = photo(48, 64)
    theirs = tf.io.decode_jpeg(tf.io.encode_jpeg(image, **options)).numpy()
    ours = tf.io.decode_jpeg(encode_jpeg(image, **options)).numpy()
    assert np.abs(ours.astype(int) - theirs).max() <= 3


@pytest.mark.parametrize(("dtype", "shift"), [("uint8", 128), ("int8", 0)])
def test_quantized_input(dtype: str, shift: int) -> None:
    image = np.linspace(-1, 1, 48, dtype=np.float32).reshape(4, 4, 3)
    expected = tf.dtypes.cast(image * 100.5 + shift, dtype).numpy()
    found = quantized_input(image, dtype=dtype, scale=100.5)
    np.testing.assert_array_equal(found, expected)


def test_a_layer_of_keras_is_a_step() -> None:
    image = photo(12, 10)
    step = own_transform(keras.layers.Resizing, height=6, width=5)
    found, label = step(tf.constant(image, tf.float32), 3)
    expected = tf.image.resize(image, (6, 5)).numpy()
    np.testing.assert_allclose(to_array(found), expected, atol=0.01)
    assert label == 3
