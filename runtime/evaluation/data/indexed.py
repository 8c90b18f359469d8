"""Datasets that are Python objects: Neural Compressor's protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import islice
from typing import Any, ParamSpec, Protocol

import numpy as np
import numpy.typing as npt

from ...common.errors import DataError
from ...common.processes.untouched import RandomState, drawn_apart, seeded
from .arrays import Arrays, Batch, Batched, check_kind
from .collating import grouped, said
from .samples import Samples, item_of, length, making

P = ParamSpec("P")


class Dataset(Protocol):
    """`dataset[k]` is (input, label) of sample k; an input may be a tuple of inputs."""

    def __getitem__(self, index: int, /) -> Any: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Indexed(Batched):
    """A user's dataset: samples by number, or as it iterates, from the first each time.

    Attributes:
        begin: What it draws from `random`, `numpy.random` and `torch` in each pass.
    """

    dataset: Dataset | Iterable[Any]
    begin: RandomState = field(
        default_factory=RandomState.now, compare=False, repr=False
    )

    @classmethod
    def made_by(
        cls, make: Callable[P, Any], /, *args: P.args, **kwargs: P.kwargs
    ) -> Indexed:
        """The dataset that a class or a function of the user's makes.

        A function that returns a generator is called anew for each pass.

        Raises:
            DataError: It fails.
        """
        return cls(*seeded(partial(making, make, *args, **kwargs)))

    @cached_property
    def _samples(self) -> Samples:
        return Samples(self.dataset)

    def __len__(self) -> int:
        known = length(self.dataset)
        return sum(1 for _ in self._samples) if known is None else known

    def batches(
        self, size: int, *, limit: int | None = None, keep_last: bool = True
    ) -> Iterator[Batch]:
        return drawn_apart(self._batches(size, limit, keep_last), self.begin)

    def _batches(
        self, size: int, limit: int | None, keep_last: bool
    ) -> Iterator[Batch]:
        if item_of(self.dataset) is not None and length(self.dataset) is not None:
            yield from super().batches(size, limit=limit, keep_last=keep_last)
            return
        groups = grouped(self._samples.numbered(), size, keep_last)
        for group in islice(groups, limit):
            found = stacked(group, self._samples.name)
            yield found.inputs, found.labels

    def batch(self, start: int, stop: int) -> Batch:
        arrays = collate(self.dataset, start, stop)
        return arrays.inputs, arrays.labels


def collate(dataset: Any, start: int, stop: int) -> Arrays:
    """Samples from `start` to before `stop`, stacked along a new first dimension.

    Raises:
        DataError: A sample can't be read, or as of `stacked`.
    """
    read = Samples(dataset)
    return stacked(list(islice(read.numbered(start), stop - start)), read.name)


def stacked(samples: Sequence[tuple[int, Any]], name: str) -> Arrays:
    """Samples with their numbers, stacked along a new first dimension.

    Raises:
        DataError: A sample is not a pair, or samples have different shapes, or an input
            is of a kind that no model takes.
    """
    for k, sample in samples:
        if not isinstance(sample, tuple | list) or len(sample) != 2:
            raise DataError(
                f"sample {k} of {name} is not (input, label) but {said(sample)}",
                "__getitem__ must return a pair; several inputs are a tuple in it.",
            )
    numbers = [k for k, _sample in samples]
    inputs = [s[0] if isinstance(s[0], tuple) else (s[0],) for _k, s in samples]
    _check_alike(numbers, [f"{len(each)} inputs" for each in inputs])
    columns = []
    for column in zip(*inputs, strict=True):
        arrays = list(map(np.asarray, column))
        _check_alike(numbers, [f"an input of shape {each.shape}" for each in arrays])
        columns.append(np.stack(arrays))
        check_kind(columns[-1], f"an input of {name}")
    labels = [sample[1] for _k, sample in samples]
    return Arrays(tuple(columns), _labels(numbers, labels))


def _labels(numbers: Sequence[int], labels: list[Any]) -> npt.NDArray[Any] | None:
    """The labels stacked; None where no sample has one."""
    if all(label is None for label in labels):
        return None
    for k, label in zip(numbers, labels, strict=True):
        if label is None:
            raise DataError(
                f"sample {k} has no label, others of its batch have one",
                "Give each sample a label, or leave out those that have none.",
            )
    arrays = [np.asarray(label) for label in labels]
    _check_alike(numbers, [f"a label of shape {each.shape}" for each in arrays])
    return np.stack(arrays)


def _check_alike(numbers: Sequence[int], found: Sequence[str]) -> None:
    """Each sample against the first of its batch."""
    for k, each in zip(numbers, found, strict=True):
        if each != found[0]:
            raise DataError(
                f"samples {numbers[0]} to {numbers[-1]} can't be stacked: sample {k} has "
                f"{each}, sample {numbers[0]} {found[0]}",
                "All samples must have the same shapes, or batch_size must be 1.",
            )
