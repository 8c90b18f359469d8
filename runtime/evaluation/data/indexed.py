"""Datasets that are Python objects: Neural Compressor's protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ...common.errors import DataError
from .arrays import Arrays, Batch, Batched

NUMBERS = "biufc"
"""NumPy's kinds of dtypes that a tensor can hold."""


class Dataset(Protocol):
    """`dataset[k]` is (input, label) of sample k; an input may be a tuple of inputs."""

    def __getitem__(self, index: int, /) -> Any: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Indexed(Batched):
    """A user's dataset."""

    dataset: Dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def batch(self, start: int, stop: int) -> Batch:
        arrays = collate(self.dataset, start, stop)
        return arrays.inputs, arrays.labels


def collate(dataset: Dataset, start: int, stop: int) -> Arrays:
    """Samples from `start` to before `stop`, stacked along a new first dimension.

    Raises:
        DataError: A sample is not a pair, or samples have different shapes.
    """
    samples = [dataset[k] for k in range(start, stop)]
    for k, sample in enumerate(samples, start=start):
        if not isinstance(sample, (tuple, list)) or len(sample) != 2:
            raise DataError(
                f"sample {k} of {type(dataset).__name__} is not (input, label)",
                "__getitem__ must return a pair; several inputs are a tuple in it.",
            )
    inputs = [s[0] if isinstance(s[0], tuple) else (s[0],) for s in samples]
    try:
        columns = tuple(
            np.stack([np.asarray(value) for value in column])
            for column in zip(*inputs, strict=True)
        )
        labels = _labels([label for _input, label in samples])
    except ValueError as error:
        raise DataError(
            f"samples {start} to {stop - 1} can't be stacked: {error}",
            "All samples must have the same shapes, or batch_size must be 1.",
        ) from error
    for column in columns:
        if column.dtype.kind not in NUMBERS:
            raise DataError(
                f"an input of {type(dataset).__name__} is {_kind(samples[0][0])}",
                "An input is an array, a tensor or a number; several are a tuple.",
            )
    return Arrays(columns, labels)


def _labels(labels: list[Any]) -> npt.NDArray[Any] | None:
    """The labels stacked; None where no sample has one."""
    if all(label is None for label in labels):
        return None
    return np.stack([np.asarray(label) for label in labels])


def _kind(sample: Any) -> str:
    values = sample if isinstance(sample, tuple) else (sample,)
    kinds = [None if v is None else type(v).__name__ for v in values]
    return ", ".join(map(str, kinds))
