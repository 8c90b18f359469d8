"""One sample's image: H x W x C in RGB, uint8 or float32.

What a step returns may be another's: an image of Pillow, a framework's tensor. Steps
take all of them, and return arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...common.errors import DataError
from ...common.optional import optional
from ..identity import array_of

Image = npt.NDArray[Any]

SPEC = "evaluation.accuracy.dataloader.transform"


def unfit(name: str, message: str, remedy: str) -> DataError:
    """What is wrong with an image for a transform, which is named as the spec has it."""
    return DataError(f"{SPEC}.{name}: {message}", remedy)


def size_of(image: Image) -> str:
    """`H x W` as messages say it."""
    height, width = image.shape[:2]
    return f"{height} x {width}"


def to_array(image: Any) -> Image:
    """The image as an array; a grey one of Pillow's has a channels' axis then, too.

    Raises:
        DataError: It is nothing that an array can be made of.
    """
    found = array_of(image)
    if found is None or found.dtype.kind not in "biuf":
        kind = type(image).__name__ if found is None else f"an array of {found.dtype}"
        raise unfit("ToArray", f"the sample is {kind}", "Give it as an image.")
    grey = found.ndim == 2 and hasattr(image, "getbands")
    return found[..., np.newaxis] if grey else found


def pixels(image: Any, name: str) -> Image:
    """The image as (H, W, C), uint8 or float32: all dtypes but uint8 become that.

    An image (H, W) has one channel.

    Args:
        name: Of the transform that takes it.

    Raises:
        DataError: It has another number of dimensions, or no pixel.
    """
    found = to_array(image)
    found = found[..., np.newaxis] if found.ndim == 2 else found
    if found.ndim != 3 or not found.size:
        raise unfit(
            name,
            f"an image has height, width and channels, the sample is {found.shape}",
            "Give the dataset's samples as H x W x C, or transpose them before.",
        )
    return found if found.dtype == np.uint8 else found.astype(np.float32)


def check_filling(image: Image, values: Sequence[float], name: str) -> None:
    """Refuse numbers that the image's dtype can't hold.

    Args:
        values: What is to be put into it.
        name: Of the transform that does.

    Raises:
        DataError: The image is uint8, and one of them is no whole number from 0 to 255.
    """
    strange = [each for each in values if not (0 <= each <= 255 and each == int(each))]
    if image.dtype == np.uint8 and strange:
        raise unfit(
            name,
            f"the image is uint8, which holds no {strange[0]:g}",
            "Write whole numbers from 0 to 255, or write it after Rescale.",
        )


def channels_last(image: Any) -> Image:
    """(C, H, W) → (H, W, C), for the steps that take that; (H, W) has one channel."""
    found = to_array(image)
    return found[..., np.newaxis] if found.ndim == 2 else np.moveaxis(found, 0, -1)


def channels_first(image: Any) -> Image:
    """(H, W, C) → (C, H, W)."""
    found = to_array(image)
    return np.moveaxis(found, -1, 0)


def to_pil_image(image: Any) -> Any:
    """The image as Pillow's, for a transform that takes that.

    What is (C, H, W) has to be transposed before. Floats from 0 to 1 are scaled to 255.

    Raises:
        DataError: It has neither 1, 3 nor 4 channels.
    """
    given = pixels(image, "ToPILImage")
    if given.shape[-1] not in (1, 3, 4):
        raise unfit(
            "ToPILImage",
            f"an image of Pillow has 1, 3 or 4 channels, the sample {given.shape[-1]}",
            "Leave ToPILImage out: the other transforms take arrays.",
        )
    if given.dtype != np.uint8:
        given = np.clip(np.rint(given * np.float32(255)), 0, 255).astype(np.uint8)
    return pillow().fromarray(given[..., 0] if given.shape[-1] == 1 else given)


def pillow() -> Any:
    """`PIL.Image`.

    Raises:
        RequirementError: Pillow is not installed.
    """
    what = "reading, resizing and encoding images"
    return optional("PIL.Image", what, "pillow")
