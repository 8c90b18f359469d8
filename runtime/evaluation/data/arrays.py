"""What every reader of a dataset returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...common.errors import DataError
from ...frameworks.feeding.dtypes import check_kind

Batch = tuple[tuple[npt.NDArray[Any], ...], Any]
"""One array (samples, …) for each input of the model, and the labels: (samples, …), a
tuple of such where a label has parts, None where there are none."""

LABELS = ("label", "labels", "y", "target", "targets")
"""What the labels are called in an archive that nothing describes."""

CALLED = (
    "Given as FILE.npz, the data has its labels in an array called "
    f"{', '.join(LABELS[:-1])} or {LABELS[-1]}."
)
"""The same, for messages."""


def single(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The array, float64 as float32: Python's floats made it so, no model takes it."""
    return array.astype(np.float32) if array.dtype == np.float64 else array


Numbers = range | npt.NDArray[np.int64]
"""Numbers of samples: consecutive ones are a range."""


class Batched(ABC):
    """A dataset that is read batch by batch."""

    @abstractmethod
    def __len__(self) -> int:
        """How many samples there are."""

    @abstractmethod
    def batch(self, numbers: Numbers) -> Batch:
        """Inputs and labels of the samples with these numbers."""

    def batches(
        self,
        size: int,
        *,
        limit: int | None = None,
        keep_last: bool = True,
        shuffle: int | None = None,
    ) -> Iterator[Batch]:
        """Inputs and labels of `size` samples at a time.

        Args:
            size: Samples in a batch.
            limit: The most batches that are read, None for all.
            keep_last: Whether a last, smaller batch is read.
            shuffle: Seed of the order, None for the dataset's own.
        """
        for numbers in self.numbers(size, limit, keep_last, shuffle):
            yield self.batch(numbers)

    def numbers(
        self, size: int, limit: int | None, keep_last: bool, shuffle: int | None
    ) -> Iterator[Numbers]:
        """The numbers of each batch's samples, as `batches` reads them."""
        count = len(self)
        stop = count if keep_last else count // size * size
        if limit is not None:
            stop = min(stop, limit * size)
        order: Numbers = range(count)
        if shuffle is not None:
            order = np.random.default_rng(shuffle).permutation(count)
        for start in range(0, stop, size):
            yield order[start : min(start + size, stop)]


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

    def batch(self, numbers: Numbers) -> Batch:
        rows = _slice(numbers) if isinstance(numbers, range) else numbers
        labels = None if self.labels is None else self.labels[rows]
        return tuple(array[rows] for array in self.inputs), labels

    def __getitem__(self, number: int) -> tuple[Any, Any]:
        """One sample: (input, label); several inputs are a tuple."""
        inputs = tuple(array[number] for array in self.inputs)
        label = None if self.labels is None else self.labels[number]
        return inputs[0] if len(inputs) == 1 else inputs, label


def _slice(numbers: range) -> slice:
    """Consecutive samples are a view, not a copy."""
    return slice(numbers.start, numbers.stop)


def checked(
    arrays: Arrays, where: str, *, names: Sequence[str] = (), label: str | None = None
) -> Arrays:
    """The arrays, if each holds as many samples as the others.

    Args:
        where: They are from, for messages.
        names: Of the inputs, where they have some.
        label: Name of the labels.

    Raises:
        DataError: There is no sample, or lengths differ.
    """
    check_lengths(arrays.inputs, arrays.labels, where, names=names, label=label)
    for array in arrays.inputs:
        check_kind(array, f"{where}: an input")
    return arrays


def check_lengths(
    inputs: Sequence[npt.NDArray[Any]],
    labels: npt.NDArray[Any] | None,
    where: str,
    *,
    names: Sequence[str] = (),
    label: str | None = None,
) -> None:
    """Hold arrays to have as many samples as each other; arguments as of `checked`.

    Raises:
        DataError: There is no sample, or lengths differ.
    """
    called = [f"input `{name}`" for name in names] or ["the inputs"] * len(inputs)
    counts = [
        (name, len(array) if array.ndim else 0)
        for name, array in zip(called, inputs, strict=True)
    ]
    if labels is not None:
        name = "the labels" if label is None else f"labels `{label}`"
        counts.append((name, len(labels) if labels.ndim else 0))
    (name, first), *others = dict.fromkeys(counts)
    if any(count != first for _name, count in others):
        rest = ", ".join(f"{other} {count}" for other, count in others)
        verb = "have" if name == "the inputs" else "has"
        raise DataError(
            f"{where}: {name} {verb} {first} samples, {rest}",
            "They must have the same number of rows.",
        )
    if not first:
        raise DataError(f"{where} holds no sample")
