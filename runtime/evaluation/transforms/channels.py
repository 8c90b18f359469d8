"""The channels of an image: how many, and where."""

from __future__ import annotations

from typing import Any

import numpy as np

from .images import Image, pixels, unfit

LUMA = (19595, 38470, 7471)
"""65536 x the shares of red, green and blue in a grey (ITU-R 601-2), as Pillow has."""


def align_channels(image: Any, *, dim: int = 3) -> Image:
    """The image with `dim` channels.

    One channel is repeated; of four the last, an alpha, is left out; three make a grey.

    Raises:
        DataError: The image has other channels.
    """
    given = pixels(image, "AlignImageChannel")
    had = given.shape[-1]
    if had == dim:
        return given
    if had == 1:
        return np.repeat(given, dim, axis=-1)
    if had == 4 and dim == 3:
        return given[..., :3]
    if had in (3, 4) and dim == 1:
        return grey(given)
    raise unfit(
        "AlignImageChannel",
        f"{had} channels can't become {dim}",
        "1 can become any number, 4 become 3 or 1, and 3 become 1.",
    )


def grey(image: Image) -> Image:
    """(H, W, 3 or more) → (H, W, 1), of the same dtype: Pillow's mode L."""
    red, green, blue = (image[..., channel] for channel in range(3))
    if image.dtype == np.uint8:
        weighted = sum(
            plane.astype(np.uint32) * share
            for plane, share in zip((red, green, blue), LUMA, strict=True)
        )
        levels = (weighted + 0x8000) >> 16
        return np.asarray(levels, np.uint8)[..., np.newaxis]
    r, g, b = (np.float32(share / 65536) for share in LUMA)
    return np.asarray(red * r + green * g + blue * b, np.float32)[..., np.newaxis]


def to_tensor(image: Any) -> Image:
    """(H, W, C) → (C, H, W) in float32; uint8 is divided by 255, floats are not.

    Raises:
        DataError: It is no image.
    """
    given = pixels(image, "ToTensor")
    first = np.moveaxis(given, -1, 0)
    if given.dtype == np.uint8:
        return first.astype(np.float32) / np.float32(255)
    return first.astype(np.float32)
