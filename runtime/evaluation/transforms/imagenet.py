"""How ImageNet's images are prepared, as TensorFlow's models and MLPerf's do it.

They are resampled as `tf.image.resize` does it by default, without antialiasing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .cropping import SMALLER
from .images import Image, pixels, size_of, unfit
from .sampling import sampled


def bilinear_imagenet(
    image: Any,
    *,
    height: int,
    width: int,
    central_fraction: float = 0.875,
    mean_value: Sequence[float] = (0.0, 0.0, 0.0),
    scale: float = 1.0,
) -> Image:
    """The middle of the image, resized, from -1 to 1 in float32; then shifted, scaled.

    Args:
        height: Of the result; 0, with width, for no resizing.
        central_fraction: How much of height and width is kept; 0 for all.
        mean_value: What is subtracted from the numbers between -1 and 1.
        scale: What they are multiplied by then.
    """
    given = pixels(image, "BilinearImagenet")
    if given.dtype == np.uint8:
        given = given.astype(np.float32) * np.float32(1 / 255)
    if central_fraction:
        given = _central(given, central_fraction)
    if height and width:
        given = sampled(given, (height, width), "bilinear")
    centred = (given - np.float32(0.5)) * np.float32(2)
    return _shifted(centred, mean_value, scale, "BilinearImagenet")


def resize_crop_imagenet(
    image: Any,
    generator: np.random.Generator | None = None,
    *,
    height: int,
    width: int,
    random_crop: bool = False,
    resize_side: int = 256,
    resize_method: str = "bilinear",
    random_flip_left_right: bool = False,
    mean_value: Sequence[float] = (0.0, 0.0, 0.0),
    scale: float = 1.0,
    subpixels: str = "RGB",
) -> Image:
    """The image with a shorter side of `resize_side`, cropped, in float32.

    Args:
        generator: Draws the corner of a random crop, and then whether it is mirrored.
        random_crop: Whether a random part is cropped, not the middle.
        resize_method: As `sampled` takes it.
        mean_value: What is subtracted from the channels.
        scale: What the numbers are multiplied by then.
        subpixels: "BGR" turns the channels' order around first.

    Raises:
        DataError: The resized image is smaller than the crop.
    """
    name = "ResizeCropImagenet"
    given = pixels(image, name)
    given = given[..., ::-1] if subpixels == "BGR" else given
    resized = sampled(given, _sides(given, resize_side), resize_method)
    borders = resized.shape[0] - height, resized.shape[1] - width
    if min(borders) < 0:
        told = (
            f"{height} x {width} is larger than the image resized, {size_of(resized)}"
        )
        raise unfit(name, told, SMALLER)
    top, left = (border // 2 for border in borders)
    if random_crop and generator is not None:
        top, left = (int(generator.integers(border + 1)) for border in borders)
    cropped = resized[top : top + height, left : left + width]
    if random_flip_left_right and generator is not None and generator.random() < 0.5:
        cropped = cropped[:, ::-1]
    return _shifted(cropped, mean_value, scale, name)


def resize_with_aspect_ratio(
    image: Any, *, height: int, width: int, scale: float = 87.5
) -> Image:
    """The image, its aspect kept, so large that height x width is `scale` % of it.

    Shrunk by the mean of the area that a pixel covers; in float32, not cropped.
    """
    given = pixels(image, "ResizeWithAspectRatio")
    rows, columns = int(100 * height / scale), int(100 * width / scale)
    had_rows, had_columns = given.shape[:2]
    if had_rows > had_columns:
        rows = int(rows * had_rows / had_columns)
    else:
        columns = int(columns * had_columns / had_rows)
    return sampled(given, (rows, columns), "area")


def _central(image: Image, fraction: float) -> Image:
    """What `tf.image.central_crop` keeps."""
    top, left = (int((side - side * fraction) / 2) for side in image.shape[:2])
    return image[top : image.shape[0] - top, left : image.shape[1] - left]


def _sides(image: Image, side: int) -> tuple[int, int]:
    """Height and width with this shorter side, as float32 rounds them."""
    height, width = (np.float32(each) for each in image.shape[:2])
    scale = np.float32(side) / (width if height > width else height)
    return int(np.rint(height * scale)), int(np.rint(width * scale))


def _shifted(image: Image, means: Sequence[float], scale: float, name: str) -> Image:
    if len(means) not in (1, image.shape[-1]):
        raise unfit(
            name,
            f"{len(means)} means for {image.shape[-1]} channels",
            "Write one mean a channel.",
        )
    mean = np.array(means, np.float32)
    return np.asarray((image - mean) * np.float32(scale), np.float32)
