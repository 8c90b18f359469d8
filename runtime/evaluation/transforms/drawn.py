"""Steps that draw: each image's generator comes from the seed and its number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .cropping import fitting
from .images import Image, pixels
from .resizing import resampled

TRIES = 10


def random_crop(
    image: Any, generator: np.random.Generator, size: tuple[int, int]
) -> Image:
    """A part of this height and width, from anywhere in the image.

    Raises:
        DataError: The image is smaller.
    """
    given = fitting(image, size, "RandomCrop")
    top = int(generator.integers(given.shape[0] - size[0] + 1))
    left = int(generator.integers(given.shape[1] - size[1] + 1))
    return given[top : top + size[0], left : left + size[1]]


def random_horizontal_flip(image: Any, generator: np.random.Generator) -> Image:
    """The image, or in one of two cases its mirror image, left and right exchanged."""
    given = pixels(image, "RandomHorizontalFlip")
    return given[:, ::-1] if generator.random() < 0.5 else given


def random_vertical_flip(image: Any, generator: np.random.Generator) -> Image:
    """The image, or in one of two cases upside down."""
    given = pixels(image, "RandomVerticalFlip")
    return given[::-1] if generator.random() < 0.5 else given


def random_resized_crop(
    image: Any,
    generator: np.random.Generator,
    size: tuple[int, int],
    *,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    interpolation: str,
) -> Image:
    """A part of random area and aspect, from anywhere in the image, resized.

    Where ten draws don't fit into the image, it is the middle, with the aspect that
    comes nearest.

    Args:
        size: Height and width of the result.
        scale: The least and the largest share of the image's area.
        ratio: The least and the largest aspect, width by height; drawn uniformly in
            its logarithm.
        interpolation: "nearest", "bilinear" or "bicubic".
    """
    given = pixels(image, "RandomResizedCrop")
    top, left, height, width = _part(given, generator, scale, ratio)
    part = given[top : top + height, left : left + width]
    return resampled(part, size, interpolation)


def _part(
    image: Image,
    generator: np.random.Generator,
    scale: tuple[float, float],
    ratio: tuple[float, float],
) -> tuple[int, int, int, int]:
    """Top, left, height and width."""
    had_height, had_width = image.shape[:2]
    for _ in range(TRIES):
        area = generator.uniform(*scale) * had_height * had_width
        aspect = math.exp(generator.uniform(math.log(ratio[0]), math.log(ratio[1])))
        width = round(math.sqrt(area * aspect))
        height = round(math.sqrt(area / aspect))
        if 0 < width <= had_width and 0 < height <= had_height:
            top = int(generator.integers(had_height - height + 1))
            left = int(generator.integers(had_width - width + 1))
            return top, left, height, width
    height, width = had_height, had_width
    if had_width < had_height * ratio[0]:
        height = min(round(had_width / ratio[0]), had_height)
    elif had_width > had_height * ratio[1]:
        width = min(round(had_height * ratio[1]), had_width)
    return (had_height - height) // 2, (had_width - width) // 2, height, width
