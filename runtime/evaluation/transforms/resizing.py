"""Other sizes of an image: Pillow's resampling, which filters what it shrinks."""

from __future__ import annotations

from typing import Any

import numpy as np

from .images import Image, check_filling, pillow, pixels, unfit

WHOLE = (1, 3)
"""Channels that Pillow resamples at once; of four it takes the last for an alpha."""


def resize(image: Any, size: tuple[int, int], *, interpolation: str) -> Image:
    """The image at another height and width, of the same dtype.

    Args:
        size: Height and width.
        interpolation: "nearest", "bilinear" or "bicubic".
    """
    return resampled(pixels(image, "Resize"), size, interpolation)


def resize_shorter(image: Any, side: int, *, interpolation: str) -> Image:
    """The image with this shorter side, its aspect kept: torchvision's Resize.

    The longer side is rounded down.
    """
    given = pixels(image, "Resize")
    height, width = given.shape[:2]
    if height <= width:
        size = side, max(side * width // height, 1)
    else:
        size = max(side * height // width, 1), side
    return resampled(given, size, interpolation)


def resize_with_ratio(
    image: Any,
    label: Any,
    *,
    min_dim: int = 800,
    max_dim: int = 1365,
    padding: bool = False,
    constant_value: int = 0,
) -> tuple[Image, Any]:
    """The image enlarged to a shorter side of `min_dim`, its aspect kept; with boxes.

    Args:
        label: Of a detection (boxes, …): boxes (N, 4) of y1, x1, y2, x2 as shares of
            height and width, moved with the image where that is padded; all others
            stay as they are.
        min_dim: The shorter side that it has at least; 0 for no such demand.
        max_dim: The longer side that it has at most; 0 likewise.
        padding: Whether it is padded to max_dim x max_dim, the image in the middle.
        constant_value: What it is padded with.

    Raises:
        DataError: The image is uint8 and can't hold that.
    """
    given = pixels(image, "ResizeWithRatio")
    height, width = given.shape[:2]
    scale = max(1.0, min_dim / min(height, width))
    if max_dim and round(max(height, width) * scale) > max_dim:
        scale = max_dim / max(height, width)
    size = max(round(height * scale), 1), max(round(width * scale), 1)
    resized = resampled(given, size, "bilinear")
    if not padding:
        return resized, label
    if not max_dim:
        raise unfit("ResizeWithRatio", "padding needs max_dim", "Write max_dim.")
    top, left = (max_dim - size[0]) // 2, (max_dim - size[1]) // 2
    check_filling(resized, (constant_value,), "ResizeWithRatio")
    borders = (top, max_dim - size[0] - top), (left, max_dim - size[1] - left), (0, 0)
    padded = np.pad(resized, borders, constant_values=constant_value)
    return padded, _moved(label, size, (top, left), max_dim)


def _moved(
    label: Any, size: tuple[int, int], corner: tuple[int, int], side: int
) -> Any:
    """A detection's label with its boxes where the padded image has them."""
    if not isinstance(label, tuple | list) or len(label) < 2:
        return label
    boxes = np.asarray(label[0], float).reshape(-1, 4)
    scaled = boxes * np.array([*size, *size], float)
    moved = (scaled + np.array([*corner, *corner], float)) / side
    return type(label)((moved, *label[1:]))


def resampled(image: Image, size: tuple[int, int], interpolation: str) -> Image:
    """An image (H, W, C) of uint8 or float32 in another size, by Pillow."""
    if image.shape[:2] == tuple(size):
        return image
    module = pillow()
    method = module.Resampling[interpolation.upper()]
    shape = (size[1], size[0])

    def one(plane: Image) -> Image:
        made = module.fromarray(np.ascontiguousarray(plane)).resize(shape, method)
        return np.asarray(made)

    if image.dtype == np.uint8 and image.shape[-1] in WHOLE:
        found = one(image[..., 0] if image.shape[-1] == 1 else image)
        return found.reshape(*size, image.shape[-1])
    planes = [one(image[..., channel]) for channel in range(image.shape[-1])]
    return np.stack(planes, axis=-1)
