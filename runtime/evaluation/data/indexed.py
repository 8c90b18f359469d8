"""Datasets that are Python objects: Neural Compressor's protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ...common.errors import DataError
from ...frameworks.feeding.dtypes import checked
from .arrays import Arrays, Batch, Batched


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
    for k, column in enumerate(columns):
        name = f"input {k} of {type(dataset).__name__}"
        checked(column, name)
    return Arrays(columns, labels)


def _labels(labels: list[Any]) -> npt.NDArray[Any] | None:
    """The labels stacked; None where no sample has one."""
    if all(label is None for label in labels):
        return None
    return np.stack([np.asarray(label) for label in labels])
