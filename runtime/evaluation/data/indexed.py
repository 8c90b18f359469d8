"""Datasets that are Python objects: Neural Compressor's protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from typing import Any, ParamSpec, Protocol

import numpy as np
import numpy.typing as npt

from ...common.errors import DataError
from ...common.places import described, place_of
from ...common.processes.untouched import drawn_apart, seeded
from ...frameworks.feeding.dtypes import check_kind
from ..identity import check_unmasked
from .arrays import Batch, Batched, Numbers
from .at_random import AtRandom, Prepare, prepare_of
from .samples import Samples, making

P = ParamSpec("P")

SHUFFLED = "Write `shuffle: false`, or give it __getitem__(index) and __len__()."


class Dataset(Protocol):
    """`dataset[k]` is (input, label) of sample k; an input may be a tuple of inputs."""

    def __getitem__(self, index: int, /) -> Any: ...

    def __len__(self) -> int: ...


def as_read(inputs: Any, label: Any) -> tuple[Any, Any]:
    """The sample as the dataset has it."""
    return inputs, label


def made(make: Callable[P, Any], /, *args: P.args, **kwargs: P.kwargs) -> Samples:
    """The dataset that a class or a function of the user's makes.

    A function that returns a generator is called anew for each pass. What the dataset
    draws from `random`, `numpy.random` and `torch` is the same in each pass and process.

    Raises:
        DataError: It fails.
    """
    return Samples(*seeded(partial(making, make, *args, **kwargs)))


@dataclass(frozen=True)
class Indexed(Batched):
    """A user's dataset: samples by number, or as it iterates, from the first each time.

    Attributes:
        prepare: What each sample goes through.
    """

    dataset: Samples | Dataset | Iterable[Any]
    prepare: Prepare | AtRandom = as_read

    @cached_property
    def _samples(self) -> Samples:
        given = self.dataset
        return given if isinstance(given, Samples) else Samples(given)

    def __len__(self) -> int:
        return len(self._samples)

    def batch(self, numbers: Numbers) -> Batch:
        read = self._samples
        found = [(k, read[k]) for k in map(int, numbers)]
        return self._stacked(found)

    def batches(
        self,
        size: int,
        *,
        limit: int | None = None,
        keep_last: bool = True,
        shuffle: int | None = None,
    ) -> Iterator[Batch]:
        """As `Batched.batches`.

        Raises:
            DataError: A sample can't be read, and is named; or they have no numbers,
                and are to be shuffled.
        """
        read = self._samples
        if read.numbered:
            found = super().batches(
                size, limit=limit, keep_last=keep_last, shuffle=shuffle
            )
        elif shuffle is not None:
            raise DataError(f"{read.name} has no numbers to shuffle", SHUFFLED)
        else:
            found = map(self._stacked, islice(read.groups(size, keep_last), limit))
        return drawn_apart(found, read.begin)

    def _stacked(self, samples: Sequence[tuple[int, Any]]) -> Batch:
        name = self._samples.name
        pairs = [
            prepared(self.prepare, checked_pair(sample, k, name), k, name)
            for k, sample in samples
        ]
        return stacked(pairs, [k for k, _sample in samples], name)


def checked_pair(sample: Any, number: int, dataset: str) -> tuple[Any, Any]:
    """The sample, if it is a pair.

    Raises:
        DataError: It is not, or a part of it is masked.
    """
    if not isinstance(sample, tuple | list) or len(sample) != 2:
        raise DataError(
            f"sample {number} of {dataset} is not (input, label) but {_said(sample)}",
            "__getitem__ must return a pair; several inputs are a tuple in it.",
        )
    for part in sample:
        for each in part if isinstance(part, tuple | list) else (part,):
            check_unmasked(each, f"sample {number} of {dataset}")
    return sample[0], sample[1]


def _said(sample: Any) -> str:
    if isinstance(sample, tuple | list):
        return f"{type(sample).__name__} of {len(sample)}"
    return f"{type(sample).__name__} {getattr(sample, 'shape', '')}".strip()


def prepared(
    prepare: Prepare | AtRandom, pair: tuple[Any, Any], number: int, dataset: str
) -> tuple[Any, Any]:
    """The sample as the model takes it.

    Raises:
        DataError: A step fails: which sample it was, and where.
    """
    try:
        return prepare_of(prepare, number)(*pair)
    except DataError as error:
        named = f"sample {number}: {error.message}"
        raise DataError(named, error.remedy) from error
    except Exception as error:
        raise DataError(
            f"sample {number} of {dataset} can't be prepared{place_of(error)}: "
            f"{described(error)}",
            "Check evaluation.accuracy.dataloader.transform in the spec, and its code.",
        ) from error


def stacked(
    samples: Sequence[tuple[Any, Any]], numbers: Numbers | Sequence[int], dataset: str
) -> Batch:
    """Samples stacked along a new first dimension.

    Args:
        dataset: Its name, for messages.

    Raises:
        DataError: Samples have different shapes, or an input is nothing that a model
            takes.
    """
    inputs = [s[0] if isinstance(s[0], tuple) else (s[0],) for s in samples]
    _check_alike(numbers, [f"{len(each)} inputs" for each in inputs])
    columns = []
    for column in zip(*inputs, strict=True):
        columns.append(_column(list(map(np.asarray, column)), numbers, "an input"))
        check_kind(columns[-1], f"an input of {dataset}")
    return tuple(columns), _labels([label for _input, label in samples], numbers)


def _labels(labels: list[Any], numbers: Numbers | Sequence[int]) -> Any:
    """The labels stacked; None where no sample has one.

    Each part of a tuple is stacked by itself, or stays a list: boxes of an image are as
    many as there are.
    """
    if isinstance(labels[0], tuple):
        return tuple(map(_parts, zip(*labels, strict=True)))
    if all(label is None for label in labels):
        return None
    for k, label in zip(numbers, labels, strict=True):
        if label is None:
            raise DataError(
                f"sample {k} has no label, others of its batch have one",
                "Give each sample a label, or leave out those that have none.",
            )
    return _column(list(map(np.asarray, labels)), numbers, "a label")


def _parts(parts: Sequence[Any]) -> npt.NDArray[Any] | list[npt.NDArray[Any]]:
    arrays = [np.asarray(part) for part in parts]
    alike = len({array.shape for array in arrays}) == 1
    return np.stack(arrays) if alike else arrays


def _column(
    arrays: list[npt.NDArray[Any]], numbers: Numbers | Sequence[int], what: str
) -> npt.NDArray[Any]:
    try:
        return np.stack(arrays)
    except ValueError:
        _check_alike(numbers, [f"{what} of shape {each.shape}" for each in arrays])
        raise


def _check_alike(numbers: Numbers | Sequence[int], found: Sequence[str]) -> None:
    """Each sample against the first of its batch."""
    for k, each in zip(numbers, found, strict=True):
        if each != found[0]:
            raise DataError(
                f"samples {numbers[0]} to {numbers[-1]} can't be stacked: sample {k} has "
                f"{each}, sample {numbers[0]} {found[0]}",
                "All samples must have the same shapes, or batch_size must be 1.",
            )
