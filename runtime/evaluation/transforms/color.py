"""Changes of brightness and colors at random, by Pillow's arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from .channels import grey
from .images import Image, pillow, pixels, unfit

Range = tuple[float, float]


def color_jitter(
    image: Any,
    generator: np.random.Generator,
    *,
    brightness: Range = (1.0, 1.0),
    contrast: Range = (1.0, 1.0),
    saturation: Range = (1.0, 1.0),
    hue: Range = (0.0, 0.0),
) -> Image:
    """Brightness, contrast, saturation and hue changed, in an order that is drawn.

    Args:
        generator: Draws the order, and of each change how much.
        brightness: The factor is drawn between these two; 1 changes nothing.
        contrast: Likewise, away from the mean grey of the image.
        saturation: Likewise, away from each pixel's grey.
        hue: How much of the circle of colors is added, within -0.5 and 0.5; 0 changes
            nothing.

    Raises:
        DataError: The image is not uint8 in RGB.
    """
    given = pixels(image, "ColorJitter")
    if given.dtype != np.uint8 or given.shape[-1] != 3:
        told = f"the image has {given.shape[-1]} channels of {given.dtype}"
        remedy = "It takes RGB in uint8: write it before what changes the numbers."
        raise unfit("ColorJitter", told, remedy)
    changes = (
        (_brighter, brightness, 1.0),
        (_contrasted, contrast, 1.0),
        (_saturated, saturation, 1.0),
        (_turned, hue, 0.0),
    )
    for k in generator.permutation(len(changes)):
        change, between, neutral = changes[k]
        if between != (neutral, neutral):
            given = change(given, float(generator.uniform(*between)))
    return given


def _brighter(image: Image, factor: float) -> Image:
    return _blended(np.zeros_like(image), image, factor)


def _contrasted(image: Image, factor: float) -> Image:
    mean = int(grey(image).mean() + 0.5)
    return _blended(np.full_like(image, mean), image, factor)


def _saturated(image: Image, factor: float) -> Image:
    return _blended(np.repeat(grey(image), 3, axis=-1), image, factor)


def _blended(from_: Image, to: Image, factor: float) -> Image:
    """What `PIL.Image.blend` makes: factor 0 is the one, 1 the other, more beyond."""
    module = pillow()
    made = module.blend(module.fromarray(from_), module.fromarray(to), factor)
    return np.asarray(made)


def _turned(image: Image, share: float) -> Image:
    """The hue moved on in Pillow's HSV, where the circle has 256 steps."""
    module = pillow()
    rgb = module.fromarray(np.ascontiguousarray(image))
    hue, saturation, value = rgb.convert("HSV").split()
    moved = np.asarray(hue) + np.uint8(int(share * 255) % 256)
    turned = module.merge("HSV", (module.fromarray(moved), saturation, value))
    return np.asarray(turned.convert("RGB"))
