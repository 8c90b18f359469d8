"""Samples of a batch that do not see each other, and what each alone contributes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]


def count(outputs: Sequence[Values]) -> int:
    """Samples in a batch by the first axis of all outputs; 1 where they differ."""
    counts = {value.shape[0] if value.ndim else 1 for value in outputs}
    return counts.pop() if len(counts) == 1 else 1


def over(direction: Values, half: npt.NDArray[np.bool_]) -> Values:
    """A direction over some samples only."""
    return direction * half.reshape(-1, *[1] * (direction.ndim - 1))


def axis_of(gradient: Values, half: npt.NDArray[np.bool_]) -> int | None:
    """The axis of samples, given what comes back from the outputs of `half` of them.

    It is the first along which something arrives at these and nothing at the others;
    None where there is none.
    """
    samples = len(half)
    for axis, size in enumerate(gradient.shape):
        if size and size % samples == 0:
            arrived = np.any(by_sample(gradient, axis, samples), axis=1)
            if np.any(arrived) and not np.any(arrived & ~half):
                return axis
    return None


def by_sample(values: Values, axis: int, samples: int) -> Values:
    """(samples, all else); along the axis, each sample's values follow each other."""
    return np.moveaxis(values, axis, 0).reshape(samples, -1)


def square(parts: Sequence[Values]) -> float:
    """The sum's square, or the squares' sum over samples if all parts know them."""
    if all(part.ndim for part in parts):
        return float(np.square(np.sum(parts, 0)).sum())
    return float(sum(float(part.sum()) for part in parts)) ** 2
