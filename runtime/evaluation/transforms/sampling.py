"""TensorFlow's `tf.image.resize` without antialiasing, in NumPy.

Pixels are squares with their middle at half numbers. One axis after the other is
resampled: each number of the result is a weighted sum of few of the image's ("taps"),
added in float32 and in their order, so that all machines get the same bits.

Source of the kernels and of what they do at borders: TensorFlow 2's kernels
resize_bilinear_op, resize_bicubic_op (Keys, A = -0.5), resize_area_op,
resize_nearest_neighbor_op and scale_and_translate_op.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .images import Image

Numbers = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Taps:
    """Which numbers of an axis make one of the result, and how much each counts.

    Attributes:
        places: (new size, taps), indices on the axis.
        weights: (new size, taps), float32.
    """

    places: npt.NDArray[np.intp]
    weights: npt.NDArray[np.float32]


def sampled(image: Image, size: tuple[int, int], method: str) -> Image:
    """An image (H, W, C) at another height and width, in float32.

    Args:
        method: "nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5",
            "gaussian" or "mitchellcubic".
    """
    found = image.astype(np.float32)
    if image.shape[:2] == size:
        return found
    for axis, new in enumerate(size):
        found = _along(found, axis, taps(method, image.shape[axis], new))
    return found


def _along(image: Image, axis: int, found: Taps) -> Image:
    """The image resampled along height (0) or width (1)."""
    shape = (-1, 1, 1) if axis == 0 else (-1, 1)
    total: Image = np.zeros((), np.float32)
    for tap in range(found.places.shape[1]):
        weight = found.weights[:, tap].reshape(shape)
        total = total + np.take(image, found.places[:, tap], axis) * weight
    return total


@lru_cache(maxsize=64)
def taps(method: str, old: int, new: int) -> Taps:
    """The taps of an axis that `old` numbers have and `new` shall have."""
    if method == "nearest":
        places = np.minimum(np.floor(_middles(old, new)).astype(np.intp), old - 1)
        return Taps(places[:, np.newaxis], np.ones((new, 1), np.float32))
    if method == "area":
        return _area(old, new)
    kernel, radius = KERNELS[method]
    middles = _middles(old, new)
    first = np.ceil(middles - radius - 0.5).astype(np.intp)
    places = first[:, np.newaxis] + np.arange(math.floor(2 * radius) + 1)
    weights = kernel(np.abs(places + 0.5 - middles[:, np.newaxis]))
    if method == "bilinear":  # what lies outside is the border's number again
        return _made(np.clip(places, 0, old - 1), weights)
    weights = np.where((places >= 0) & (places < old), weights, 0)
    weights = weights / weights.sum(axis=1, keepdims=True)
    return _made(np.clip(places, 0, old - 1), weights)


def _area(old: int, new: int) -> Taps:
    """Each number of the result is the mean of the stretch that it covers."""
    starts, width = np.arange(new) * (old / new), old / new
    first = np.floor(starts).astype(np.intp)
    places = first[:, np.newaxis] + np.arange(math.ceil(width) + 1)
    ends = np.minimum(places + 1, (starts + width)[:, np.newaxis])
    covered = np.maximum(ends - np.maximum(places, starts[:, np.newaxis]), 0)
    return _made(np.clip(places, 0, old - 1), covered / width)


def _middles(old: int, new: int) -> Numbers:
    """Where the middles of the result's pixels lie on the old axis."""
    return (np.arange(new) + 0.5) * (old / new)


def _made(places: npt.NDArray[np.intp], weights: Numbers) -> Taps:
    return Taps(places, weights.astype(np.float32))


def _triangle(x: Numbers) -> Numbers:
    return np.maximum(1 - x, 0)


def _keys(x: Numbers) -> Numbers:
    """R. Keys, Cubic convolution interpolation, 1981, with A = -0.5."""
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _mitchell(x: Numbers) -> Numbers:
    """D. Mitchell and A. Netravali, Reconstruction filters, 1988: B = C = 1/3."""
    near = (7 * x - 12) * x * x / 6 + 16 / 18
    far = (((-7 / 3 * x + 12) * x - 20) * x + 32 / 3) / 6
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _gaussian(x: Numbers) -> Numbers:
    """Of radius 1.5, a third of which is its standard deviation."""
    return np.where(x < 1.5, np.exp(-x * x / (2 * 0.5**2)), 0)


def _lanczos(radius: float) -> Callable[[Numbers], Numbers]:
    def kernel(x: Numbers) -> Numbers:
        return np.where(x <= radius, np.sinc(x) * np.sinc(x / radius), 0)

    return kernel


KERNELS: Mapping[str, tuple[Callable[[Numbers], Numbers], float]] = {
    "bilinear": (_triangle, 1),
    "bicubic": (_keys, 2),
    "lanczos3": (_lanczos(3), 3),
    "lanczos5": (_lanczos(5), 5),
    "gaussian": (_gaussian, 1.5),
    "mitchellcubic": (_mitchell, 2),
}
"""Method → its kernel, of distances, and how far that reaches."""
