"""Datasets that are Python objects: Neural Compressor's protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ...common.errors import DataError
from ...frameworks.feeding.dtypes import checked
from .arrays import Batch, Batched, Numbers

Prepare = Callable[[Any, Any], tuple[Any, Any]]
"""A script's `prepare`: (input, label) → what the model takes, and the label."""


class Dataset(Protocol):
    """`dataset[k]` is (input, label) of sample k; an input may be a tuple of inputs."""

    def __getitem__(self, index: int, /) -> Any: ...

    def __len__(self) -> int: ...


def as_read(inputs: Any, label: Any) -> tuple[Any, Any]:
    """The sample as the dataset has it."""
    return inputs, label


@dataclass(frozen=True, slots=True)
class Indexed(Batched):
    """A user's dataset.

    Attributes:
        prepare: What each sample goes through.
    """

    dataset: Dataset
    prepare: Prepare = as_read

    def __len__(self) -> int:
        return len(self.dataset)

    def batch(self, numbers: Numbers) -> Batch:
        samples = []
        for number in map(int, numbers):
            pair = checked_pair(self.dataset[number], number, self.dataset)
            samples.append(self.prepare(*pair))
        return stacked(samples, numbers, type(self.dataset).__name__)


def checked_pair(sample: Any, number: int, dataset: Dataset) -> tuple[Any, Any]:
    """The sample, if it is a pair.

    Raises:
        DataError: It is not.
    """
    if not isinstance(sample, (tuple, list)) or len(sample) != 2:
        raise DataError(
            f"sample {number} of {type(dataset).__name__} is not (input, label)",
            "__getitem__ must return a pair; several inputs are a tuple in it.",
        )
    return sample[0], sample[1]


def stacked(
    samples: Sequence[tuple[Any, Any]], numbers: Numbers, dataset: str
) -> Batch:
    """Samples stacked along a new first dimension.

    Args:
        dataset: Its name, for messages.

    Raises:
        DataError: Samples have different shapes, or are no numbers.
    """
    inputs = [s[0] if isinstance(s[0], tuple) else (s[0],) for s in samples]
    try:
        columns = tuple(
            np.stack([np.asarray(value) for value in column])
            for column in zip(*inputs, strict=True)
        )
        labels = _labels([label for _input, label in samples])
    except ValueError as error:
        raise DataError(
            f"samples {numbers[0]} to {numbers[-1]} can't be stacked: {error}",
            "All samples must have the same shapes, or batch_size must be 1.",
        ) from error
    for k, column in enumerate(columns):
        checked(column, f"input {k} of {dataset}")
    return columns, labels


def _labels(labels: list[Any]) -> npt.NDArray[Any] | None:
    """The labels stacked; None where no sample has one."""
    if all(label is None for label in labels):
        return None
    return np.stack([np.asarray(label) for label in labels])
