"""Transforms of one image, against Pillow and by hand."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.evaluation.transforms.channels import (
    align_channels,
    to_tensor,
)
from narrowcast.runtime.evaluation.transforms.coding import decode_image, encode_jpeg
from narrowcast.runtime.evaluation.transforms.color import color_jitter
from narrowcast.runtime.evaluation.transforms.cropping import (
    center_crop,
    crop_resize,
    crop_to_bounding_box,
    pad,
    padded_center_crop,
)
from narrowcast.runtime.evaluation.transforms.drawn import (
    random_crop,
    random_horizontal_flip,
    random_resized_crop,
    random_vertical_flip,
)
from narrowcast.runtime.evaluation.transforms.imagenet import (
    bilinear_imagenet,
    resize_crop_imagenet,
    resize_with_aspect_ratio,
)
from narrowcast.runtime.evaluation.transforms.images import (
    channels_first,
    channels_last,
    to_array,
    to_pil_image,
)
from narrowcast.runtime.evaluation.transforms.numbers import (
    normalize,
    quantized_input,
    transpose,
)
from narrowcast.runtime.evaluation.transforms.own import own_transform
from narrowcast.runtime.evaluation.transforms.resizing import (
    resize,
    resize_shorter,
    resize_with_ratio,
)

METHODS = ("nearest", "bilinear", "bicubic")
Array = np.ndarray[Any, Any]


def noise(height: int, width: int, channels: int = 3) -> Array:
    generator = np.random.default_rng(channels)
    return generator.integers(0, 256, (height, width, channels), dtype=np.uint8)


@pytest.mark.parametrize("interpolation", METHODS)
def test_resize_is_pillows(interpolation: str) -> None:
    image = noise(30, 41)
    method = Image.Resampling[interpolation.upper()]
    expected = np.asarray(Image.fromarray(image).resize((25, 50), method))
    np.testing.assert_array_equal(
        resize(image, (50, 25), interpolation=interpolation), expected
    )


@pytest.mark.parametrize("channels", [1, 2, 4, 5])
def test_resize_of_other_channels_is_of_each(channels: int) -> None:
    """Of four, the last is no alpha that the others are multiplied by."""
    image = noise(12, 9, channels)
    found = resize(image, (5, 6), interpolation="bilinear")
    assert found.shape == (5, 6, channels)
    for channel in range(channels):
        plane = Image.fromarray(image[..., channel])
        expected = np.asarray(plane.resize((6, 5), Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(found[..., channel], expected)


def test_resize_of_floats_is_pillows_mode_f() -> None:
    image = noise(12, 9).astype(np.float64) / 255
    found = resize(image, (5, 6), interpolation="bicubic")
    plane = Image.fromarray(image[..., 1].astype(np.float32))
    expected = np.asarray(plane.resize((6, 5), Image.Resampling.BICUBIC))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[..., 1], expected)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((30, 41), (16, 21)), ((41, 30), (21, 16)), ((16, 99), (16, 99))],
)
def test_resize_of_the_shorter_side(
    shape: tuple[int, int], expected: tuple[int, int]
) -> None:
    found = resize_shorter(noise(*shape), 16, interpolation="bilinear")
    assert found.shape == (*expected, 3)


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    min_dim=st.integers(1, 50),
    extra=st.integers(0, 30),
)
def test_resize_with_ratio_keeps_bounds_and_boxes(
    height: int, width: int, min_dim: int, extra: int
) -> None:
    """A box around everything is the box around the image in its border."""
    max_dim = min_dim + extra
    label = ([[0, 0, 1, 1]], ["cat"], [1], "id")
    sides = {"min_dim": min_dim, "max_dim": max_dim}
    plain, same = resize_with_ratio(noise(height, width), label, **sides)
    assert same is label
    assert max(plain.shape[:2]) <= max_dim
    white = np.full((height, width, 3), 255, np.uint8)
    padded, moved = resize_with_ratio(white, label, padding=True, **sides)
    assert padded.shape == (max_dim, max_dim, 3)
    assert moved[1:] == label[1:]
    top, left, bottom, right = np.rint(moved[0][0] * max_dim).astype(int)
    inside = np.zeros_like(padded)
    inside[top:bottom, left:right] = 255
    np.testing.assert_array_equal(padded, inside)


def test_center_crop_of_odd_borders() -> None:
    image = noise(9, 8)
    np.testing.assert_array_equal(center_crop(image, (4, 5)), image[2:6, 1:6])


def test_padded_center_crop_takes_its_share() -> None:
    image = noise(40, 30)
    found = padded_center_crop(image, 224, crop_padding=32)
    np.testing.assert_array_equal(found, image[7:33, 2:28])


def test_boxes() -> None:
    image = noise(20, 30)
    box = {"offset_height": 2, "offset_width": 3, "target_height": 7, "target_width": 5}
    np.testing.assert_array_equal(crop_to_bounding_box(image, **box), image[2:9, 3:8])
    cut = {"x": 3, "y": 2, "width": 5, "height": 7, "interpolation": "bilinear"}
    np.testing.assert_array_equal(
        crop_resize(image, **cut, size=(4, 4)),  # type: ignore[arg-type]
        resize(image[2:9, 3:8], (4, 4), interpolation="bilinear"),
    )


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
def test_pad(mode: str) -> None:
    found = pad(noise(6, 5), (1, 2, 3, 4), padding_mode=mode)
    assert found.shape == (12, 9, 3)
    np.testing.assert_array_equal(found[2:8, 1:6], noise(6, 5))
    filled = pad(noise(6, 5), (1, 1, 1, 1), fill=(1, 2, 3))
    assert filled[0, 0].tolist() == [1, 2, 3]


def test_channels() -> None:
    image = noise(4, 5)
    grey = np.asarray(Image.fromarray(image).convert("L"))
    np.testing.assert_array_equal(align_channels(image, dim=1)[..., 0], grey)
    np.testing.assert_array_equal(align_channels(grey), np.dstack([grey] * 3))
    np.testing.assert_array_equal(align_channels(image), image)
    alpha = noise(4, 5, 4)
    np.testing.assert_array_equal(align_channels(alpha), alpha[..., :3])
    floats = align_channels(image.astype(np.float32), dim=1)[..., 0]
    assert np.abs(floats - grey).max() <= 1


def test_to_tensor_scales_bytes_alone() -> None:
    image = noise(4, 5)
    expected = image.transpose(2, 0, 1)
    np.testing.assert_array_equal(to_tensor(image), expected / np.float32(255))
    np.testing.assert_array_equal(to_tensor(image.astype(np.float32)), expected)


def test_layouts_and_pillow() -> None:
    image = noise(4, 5)
    np.testing.assert_array_equal(channels_last(channels_first(image)), image)
    np.testing.assert_array_equal(to_array(to_pil_image(image)), image)
    np.testing.assert_array_equal(to_array(to_pil_image(image / 255)), image)
    assert to_array(to_pil_image(image[..., :1])).shape == (4, 5, 1)


def test_numbers() -> None:
    image = noise(4, 5)
    mean, std = (1.0, 2.0, 3.0), (2.0, 4.0, 8.0)
    last = normalize(image, mean=mean, std=std)
    np.testing.assert_array_equal(last, (image - np.float32(mean)) / np.float32(std))
    first = normalize(image.transpose(2, 0, 1), mean=mean, std=std, axis=0)
    np.testing.assert_array_equal(first.transpose(1, 2, 0), last)
    np.testing.assert_array_equal(transpose(image, (1, 0, 2)), image.swapaxes(0, 1))
    assert quantized_input(image, dtype="int8", scale=1.0).max() == 127


def test_imagenets() -> None:
    """By hand where nothing is interpolated; tests/tensorflow compares the rest."""
    image = noise(8, 8)
    found = bilinear_imagenet(image, height=4, width=4, central_fraction=0.5)
    np.testing.assert_allclose(found, image[2:6, 2:6] / 127.5 - 1, atol=1e-6)
    cropped = resize_crop_imagenet(
        image, height=4, width=4, resize_side=8, mean_value=(1, 2, 3), scale=2
    )
    np.testing.assert_array_equal(
        cropped, (image[2:6, 2:6] - np.float32([1, 2, 3])) * 2
    )
    halved = resize_with_aspect_ratio(image, height=4, width=4, scale=100)
    blocks = image.reshape(4, 2, 4, 2, 3).mean((1, 3))
    np.testing.assert_allclose(halved, blocks, rtol=1e-6)


def test_sums_are_the_same_bits_beside_any_numpy() -> None:
    """tests/mxnet has the same digest, beside NumPy 1."""
    image = (np.arange(7 * 9 * 3) * 37 % 256).astype(np.uint8).reshape(7, 9, 3)
    found = bilinear_imagenet(image, height=4, width=5)
    digest = hashlib.sha256(found.tobytes()).hexdigest()
    assert digest.startswith("385e0c8521ab4a0b")


def test_jpeg() -> None:
    rows, columns = np.mgrid[:24, :32]
    image = np.stack([rows * 8, columns * 7, rows + columns], -1).astype(np.uint8)
    data = encode_jpeg(image, chroma_downsampling=False)
    expected = np.asarray(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(decode_image(data), expected)
    assert np.abs(expected.astype(int) - image).max() < 12
    np.testing.assert_array_equal(decode_image(image), image)
    with pytest.raises(DataError, match="DecodeImage: it is no image"):
        decode_image(data[:40])


@given(
    seed=st.integers(0, 2**32),
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    least=st.floats(0.05, 0.9),
)
def test_drawn_parts_are_inside(
    seed: int, height: int, width: int, least: float
) -> None:
    image = noise(height, width)
    between = {"scale": (least, 1.0), "ratio": (3 / 4, 4 / 3)}

    def drawn() -> tuple[Array, ...]:
        generator = np.random.default_rng(seed)
        return (
            random_resized_crop(
                image,
                generator,
                (5, 6),
                interpolation="bilinear",
                **between,
            ),
            random_crop(image, generator, (1, width)),
            random_horizontal_flip(image, generator),
            random_vertical_flip(image, generator),
            resize_crop_imagenet(
                image,
                generator,
                height=4,
                width=4,
                resize_side=5,
                random_crop=True,
                random_flip_left_right=True,
            ),
        )

    first, second = drawn(), drawn()
    shapes = [(5, 6, 3), (1, width, 3), image.shape, image.shape, (4, 4, 3)]
    assert [each.shape for each in first] == shapes
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_flips_are_one_in_two() -> None:
    image = noise(2, 3)
    for flip, mirrored in (
        (random_horizontal_flip, image[:, ::-1]),
        (random_vertical_flip, image[::-1]),
    ):
        generators = map(np.random.default_rng, range(200))
        found = [flip(image, generator) for generator in generators]
        turned = sum(np.array_equal(each, mirrored) for each in found)
        assert 70 < turned < 130


@pytest.mark.parametrize(
    ("name", "enhance"),
    [
        ("brightness", ImageEnhance.Brightness),
        ("contrast", ImageEnhance.Contrast),
        ("saturation", ImageEnhance.Color),
    ],
)
def test_color_jitter_is_pillows(name: str, enhance: Callable[..., Any]) -> None:
    image = noise(6, 7)
    generator = np.random.default_rng(0)
    found = color_jitter(image, generator, **{name: (1.4, 1.4)})
    expected = enhance(Image.fromarray(image)).enhance(1.4)
    np.testing.assert_array_equal(found, np.asarray(expected))


def test_hue_turns_the_circle() -> None:
    red = np.full((2, 2, 3), (200, 0, 0), np.uint8)
    turned = color_jitter(red, np.random.default_rng(0), hue=(1 / 3, 1 / 3))
    assert turned[0, 0].tolist() == pytest.approx([0, 200, 0], abs=8)


Step = Callable[[Array], Any]

REFUSED: dict[str, tuple[Step, Array]] = {
    "CenterCrop: 9 x 9 is larger": (lambda i: center_crop(i, (9, 9)), noise(4, 5)),
    "RandomCrop: 5 x 5 is larger": (
        lambda i: random_crop(i, np.random.default_rng(0), (5, 5)),
        noise(4, 5),
    ),
    "ResizeCropImagenet: 9 x 9 is larger": (
        lambda i: resize_crop_imagenet(i, height=9, width=9, resize_side=8),
        noise(4, 5),
    ),
    r"Resize: .* the sample is \(2, 4, 5, 3\)": (
        lambda i: resize(i, (2, 2), interpolation="nearest"),
        np.zeros((2, 4, 5, 3)),
    ),
    "Normalize: 2 means for 3 channels": (
        lambda i: normalize(i, mean=(0, 0), std=(1, 1)),
        noise(4, 5),
    ),
    "BilinearImagenet: 3 means for 4 channels": (
        lambda i: bilinear_imagenet(i, height=2, width=2),
        noise(4, 5, 4),
    ),
    "Transpose: perm orders 2 axes": (lambda i: transpose(i, (1, 0)), noise(4, 5)),
    "AlignImageChannel: 5 channels": (lambda i: align_channels(i), noise(4, 5, 5)),
    "ColorJitter: .* float32": (
        lambda i: color_jitter(i, np.random.default_rng(0)),
        noise(4, 5) / 255,
    ),
    "EncodeJpeg: .* 4 channels": (lambda i: encode_jpeg(i), noise(4, 5, 4)),
    "Pad: fill has 2 numbers": (
        lambda i: pad(i, (1, 1, 1, 1), fill=(1, 2)),
        noise(4, 5),
    ),
    "Pad: the image is uint8, which holds no 300": (
        lambda i: pad(i, (1, 1, 1, 1), fill=300),
        noise(4, 5),
    ),
    "Pad: the image is uint8, which holds no 0.5": (
        lambda i: pad(i, (1, 1, 1, 1), fill=(0, 0.5, 1)),
        noise(4, 5),
    ),
    "ResizeWithRatio: the image is uint8, which holds no -1": (
        lambda i: resize_with_ratio(i, 0, padding=True, constant_value=-1),
        noise(4, 5),
    ),
    "Normalize: 2 means for 0 channels": (
        lambda i: normalize(i, mean=(0, 0), std=(1, 1), axis=1),
        np.zeros(3),
    ),
    "ToTensor: .* the sample is": (lambda i: to_tensor(i), np.zeros(3)),
    "ToPILImage: .* channels, the sample 2": (to_pil_image, noise(4, 5, 2)),
    "ToArray: the sample is": (to_array, np.array(["a"])),
    "CropToBoundingBox: the box": (
        lambda i: crop_to_bounding_box(
            i, offset_height=1, offset_width=0, target_height=4, target_width=2
        ),
        noise(4, 5),
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_does_not_fit_is_named(message: str) -> None:
    step, image = REFUSED[message]
    with pytest.raises(DataError, match=rf"transform\.{message}") as caught:
        step(image)
    assert caught.value.remedy


class Doubled:
    def __init__(self, by: int = 2) -> None:
        self.by = by

    def __call__(self, image: Array) -> Array:
        return image * self.by


class OfSample:
    def __call__(self, sample: tuple[Array, int]) -> tuple[Array, int]:
        image, label = sample
        return image + 1, label + 1


def both(image: Array, label: int) -> tuple[Array, int]:
    return image + 1, label + 1


def with_option(image: Array, add: int = 0) -> Array:
    return image + add


@pytest.mark.parametrize(
    ("own", "args", "expected"),
    [
        (Doubled, {}, (6, 7)),
        (Doubled, {"by": 5}, (15, 7)),
        (Doubled(), {}, (6, 7)),
        (OfSample, {}, (4, 8)),
        (both, {}, (4, 8)),
        (with_option, {}, (3, 7)),
        (with_option, {"add": 2}, (5, 7)),
    ],
)
def test_own_transforms(
    own: Any, args: dict[str, int], expected: tuple[int, int]
) -> None:
    step = own_transform(own, **args)
    assert step(np.array(3), 7) == expected


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (3, "int can't be called"),
        (lambda image: None, "returned None"),
        (lambda image, label: image, "not .image, label."),
        (lambda image: image + "a", "failed at test_transforms.py:.*UFuncTypeError"),
        (type("Wide", (), {"__init__": lambda self, by: None}), "can't be made"),
    ],
)
def test_own_transforms_fail_well(own: Any, message: str) -> None:
    with pytest.raises(DataError, match=f"transform.python: .*{message}"):
        own_transform(own)(np.zeros(2), 0)
