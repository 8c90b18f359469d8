"""What every reader of a dataset returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...common.errors import DataError

Batch = tuple[tuple[npt.NDArray[Any], ...], npt.NDArray[Any] | None]
"""One array (samples, …) for each input of the model, and the labels, if there are any."""


def single(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The array, float64 as float32: Python's floats made it so, no model takes it."""
    return array.astype(np.float32) if array.dtype == np.float64 else array


class Batched(ABC):
    """A dataset that is read batch by batch."""

    @abstractmethod
    def __len__(self) -> int:
        """How many samples there are."""

    @abstractmethod
    def batch(self, start: int, stop: int) -> Batch:
        """Inputs and labels of the samples from `start` to before `stop`."""

    def batches(
        self, size: int, *, limit: int | None = None, keep_last: bool = True
    ) -> Iterator[Batch]:
        """Inputs and labels of `size` samples at a time, in order.

        Args:
            size: Samples in a batch.
            limit: The most batches that are read, None for all.
            keep_last: Whether a last, smaller batch is read.
        """
        stop = len(self) if keep_last else len(self) // size * size
        if limit is not None:
            stop = min(stop, limit * size)
        for start in range(0, stop, size):
            yield self.batch(start, min(start + size, stop))


@dataclass(frozen=True)
class Arrays(Batched):
    """A dataset in memory.

    Attributes:
        inputs: One array per model input, each (samples, …).
        labels: (samples, …), None if the data has none.
    """

    inputs: tuple[npt.NDArray[Any], ...]
    labels: npt.NDArray[Any] | None

    def __len__(self) -> int:
        return len(self.inputs[0])

    def batch(self, start: int, stop: int) -> Batch:
        labels = None if self.labels is None else self.labels[start:stop]
        return tuple(array[start:stop] for array in self.inputs), labels


def checked(arrays: Arrays, where: str) -> Arrays:
    """The arrays, if each holds as many samples as the others.

    Raises:
        DataError: There is no sample, or lengths differ.
    """
    labels = () if arrays.labels is None else (arrays.labels,)
    lengths = {len(array) if array.ndim else 0 for array in (*arrays.inputs, *labels)}
    if len(lengths) > 1:
        raise DataError(
            f"{where}: inputs and labels have {sorted(lengths)} samples",
            "They must have the same number of rows.",
        )
    if lengths == {0}:
        raise DataError(f"{where} holds no sample")
    return arrays
