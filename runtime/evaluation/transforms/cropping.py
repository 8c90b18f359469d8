"""Parts of an image, and borders around it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .images import Image, check_filling, pixels, size_of, unfit
from .resizing import resampled

SMALLER = "Resize the images before, or write a smaller size."


def center_crop(image: Any, size: tuple[int, int]) -> Image:
    """The middle of the image; of an odd border the smaller half is above and left.

    Raises:
        DataError: The image is smaller.
    """
    given = fitting(image, size, "CenterCrop")
    top, left = (
        (had - kept) // 2 for had, kept in zip(given.shape, size, strict=False)
    )
    return given[top : top + size[0], left : left + size[1]]


def padded_center_crop(image: Any, size: int, *, crop_padding: int = 0) -> Image:
    """The middle square, size / (size + crop_padding) of the shorter side long.

    The image is not resized to `size`.
    """
    given = pixels(image, "PaddedCenterCrop")
    height, width = given.shape[:2]
    side = int((size / (size + crop_padding)) * min(height, width))
    top, left = (height - side + 1) // 2, (width - side + 1) // 2
    return given[top : top + side, left : left + side]


def crop_to_bounding_box(
    image: Any,
    *,
    offset_height: int,
    offset_width: int,
    target_height: int,
    target_width: int,
) -> Image:
    """A box of the image, by its upper left corner and its size.

    Raises:
        DataError: It reaches beyond the image.
    """
    given = pixels(image, "CropToBoundingBox")
    corner, size = (offset_height, offset_width), (target_height, target_width)
    return _box(given, corner, size, "CropToBoundingBox")


def crop_resize(
    image: Any,
    *,
    x: int,
    y: int,
    width: int,
    height: int,
    size: tuple[int, int],
    interpolation: str,
) -> Image:
    """A box of the image, by its left and upper border and its size, resized.

    Args:
        size: Height and width of the result.
        interpolation: "nearest", "bilinear" or "bicubic".

    Raises:
        DataError: The box reaches beyond the image.
    """
    box = _box(pixels(image, "CropResize"), (y, x), (height, width), "CropResize")
    return resampled(box, size, interpolation)


def pad(
    image: Any,
    padding: tuple[int, int, int, int],
    *,
    fill: float | tuple[float, ...] = 0,
    padding_mode: str = "constant",
) -> Image:
    """The image with borders around it.

    Args:
        padding: Left, above, right, below.
        fill: What a constant border holds, or one number a channel.
        padding_mode: "constant", "edge", "reflect" or "symmetric", as in NumPy.

    Raises:
        DataError: `fill` has another number of channels, or numbers that uint8 has not.
    """
    given = pixels(image, "Pad")
    left, above, right, below = padding
    borders = (above, below), (left, right)
    if padding_mode != "constant":
        return np.pad(given, (*borders, (0, 0)), mode=padding_mode)  # type: ignore[call-overload, no-any-return]
    values = fill if isinstance(fill, tuple) else (fill,) * given.shape[-1]
    if len(values) != given.shape[-1]:
        raise unfit(
            "Pad",
            f"fill has {len(values)} numbers, the image {given.shape[-1]} channels",
            "Write one number for all, or one a channel.",
        )
    check_filling(given, values, "Pad")
    planes = [
        np.pad(given[..., channel], borders, constant_values=value)
        for channel, value in enumerate(values)
    ]
    return np.stack(planes, axis=-1)


def fitting(image: Any, size: tuple[int, int], name: str) -> Image:
    """The image, if a part of this height and width can be cut out of it."""
    given = pixels(image, name)
    if given.shape[0] < size[0] or given.shape[1] < size[1]:
        wanted = f"{size[0]} x {size[1]}"
        raise unfit(
            name, f"{wanted} is larger than the image, {size_of(given)}", SMALLER
        )
    return given


def _box(
    image: Image, corner: tuple[int, int], size: tuple[int, int], name: str
) -> Image:
    (top, left), (height, width) = corner, size
    if top + height > image.shape[0] or left + width > image.shape[1]:
        raise unfit(
            name,
            f"the box from ({top}, {left}) to ({top + height}, {left + width}) reaches "
            f"beyond the image, {size_of(image)}",
            SMALLER,
        )
    return image[top : top + height, left : left + width]
