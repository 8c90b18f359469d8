"""Steps that change each number by itself, and the order of axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .images import Image, to_array, unfit


def normalize(
    image: Any, *, mean: Sequence[float], std: Sequence[float], axis: int = -1
) -> Image:
    """(image - mean) / std in float32, channel by channel.

    Args:
        image: A sample, or a batch of samples of one shape.
        mean: One number for all channels, or one a channel.
        std: As many.
        axis: Where the channels are; of a batch, counted with its axis of samples.

    Raises:
        DataError: The image has another number of channels.
    """
    given = to_array(image)
    shape = [1] * given.ndim
    if len(mean) > 1:
        count = given.shape[axis] if given.ndim > max(axis, 0) else 0
        if count != len(mean):
            raise unfit(
                "Normalize",
                f"{len(mean)} means for {count} channels of {given.shape}",
                "Write one mean a channel, in the place where the channels are.",
            )
        shape[axis] = len(mean)
    means, deviations = (
        np.array(values, np.float32).reshape(shape) for values in (mean, std)
    )
    return (given.astype(np.float32) - means) / deviations


def transpose(image: Any, perm: Sequence[int]) -> Image:
    """The image with its axes in another order.

    Raises:
        DataError: It has another number of axes.
    """
    given = to_array(image)
    if given.ndim != len(perm):
        raise unfit(
            "Transpose",
            f"perm orders {len(perm)} axes, the sample is {given.shape}",
            "Write the axes of a sample, without the batch axis.",
        )
    return given.transpose(perm)


def quantized_input(image: Any, *, dtype: str, scale: float) -> Image:
    """image x scale, and + 128 for uint8, cut off to what the dtype holds."""
    scaled = to_array(image).astype(np.float32) * np.float32(scale)
    if dtype == "uint8":
        scaled = scaled + np.float32(128)
    limits = np.iinfo(dtype)
    cut = np.clip(np.trunc(scaled), limits.min, limits.max)
    return np.asarray(cut, dtype)
