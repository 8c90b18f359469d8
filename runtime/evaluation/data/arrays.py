"""What every reader of a dataset returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from ...common.errors import DataError


@dataclass(frozen=True)
class Arrays:
    """A dataset in memory.

    Attributes:
        inputs: One array per model input, each (samples, …).
        labels: (samples, …), None if the data has none.
    """

    inputs: tuple[npt.NDArray[Any], ...]
    labels: npt.NDArray[Any] | None

    def __len__(self) -> int:
        return len(self.inputs[0])

    def batch(
        self, start: int, stop: int
    ) -> tuple[tuple[npt.NDArray[Any], ...], npt.NDArray[Any] | None]:
        """Inputs and labels of the samples from `start` to before `stop`."""
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
