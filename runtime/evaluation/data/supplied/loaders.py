"""Whatever a user gives as data, as batches of NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from inspect import isfunction, ismethod
from typing import Any

import numpy.typing as npt

from ....common.errors import DataError, UsageError
from ....common.places import described, place_of, users_code
from ....common.processes.copies import own_copy
from ....common.processes.untouched import RandomState, drawn_apart, seeded
from ....frameworks.feeding.dtypes import check_kind
from ...identity import array_of
from ..arrays import single
from ..samples import AGAIN, Samples, grouped, item_of, made_as
from .collating import are_numbers, collate, said

Array = npt.NDArray[Any]

PAIR = "Each batch is a pair (inputs, labels); several inputs are a tuple, or a dict by name."


SUPPLIED = "Check the data that --data gives, and its code."


@dataclass
class Loader:
    """A user's loader or dataset, which can be read again and again.

    Attributes:
        source: What iterates as batches of (inputs, labels): a DataLoader of PyTorch,
            Gluon or `narrowcast.common`, a tf.data.Dataset, a list, mx.io's iterators.
            Or a dataset: what has samples by number and does not iterate by itself.
        begin: What it draws from `random`, `numpy.random` and `torch` in each pass.
        found: Whether a pass had batches.
    """

    source: Any
    begin: RandomState = field(
        default_factory=RandomState.now, compare=False, repr=False
    )
    found: bool = field(default=False, compare=False, repr=False)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What the first batch calls its inputs; () where they only have an order.

        Raises:
            DataError: It can't be read.
        """
        for inputs, _labels in self._pairs(1, limit=1):
            if isinstance(inputs, Mapping):
                return tuple(_by_name(inputs))
        return ()

    def batches(
        self, size: int, *, limit: int | None = None, keep_last: bool = True
    ) -> Iterator[tuple[tuple[Array, ...], Any]]:
        """Inputs and labels of all batches, from the first.

        Inputs that have names come in the order of `names`. float64 becomes float32;
        labels keep their form, with arrays for tensors.

        Args:
            size: Samples in a batch of a dataset; a loader has its own.
            limit: The most batches that are read, None for all.
            keep_last: Whether a last, smaller batch of a dataset is read.

        Raises:
            DataError: A batch is not a pair, or an input can't be an array, or has
                another name than those of the first batch.
        """
        names = self.names
        read = self._pairs(size, limit, keep_last)
        for inputs, labels in drawn_apart(read, self.begin):
            yield own_copy((arrays(inputs, names), on_the_host(labels)))

    def _pairs(
        self, size: int, limit: int | None, keep_last: bool = True
    ) -> Iterator[tuple[Any, Any]]:
        number = -1
        for number, batch in enumerate(self._read(size, keep_last)):
            if number == limit:
                return
            self.found = True
            if not isinstance(batch, tuple | list) or len(batch) != 2:
                raise DataError(
                    f"batch {number} of the data is not (inputs, labels) but "
                    f"{said(batch)}",
                    PAIR,
                )
            inputs, labels = batch
            yield inputs, labels
        if number < 0 and self.found:
            raise DataError(
                f"the data, {said(self.source)}, had batches when it was read first, and "
                "now it has none: it can be read only once",
                AGAIN,
            )

    def _read(self, size: int, keep_last: bool) -> Iterator[Any]:
        with users_code(_unreadable):
            yield from self._batches(size, keep_last)

    def _batches(self, size: int, keep_last: bool) -> Iterator[Any]:
        if _starts_anew_by_reset(self.source):
            self.source.reset()
            yield from map(_pair, self.source)
            return
        if hasattr(self.source, "__iter__"):
            yield from self.source
            return
        for group in grouped(self._samples, size, keep_last):
            yield collate(group)

    @cached_property
    def _samples(self) -> Samples:
        return Samples(self.source, remedy=SUPPLIED)


def loader(source: Any) -> Loader:
    """The data that a user gives, if it can be read.

    A function is called anew for each pass where it gives what can be read only once.

    Raises:
        UsageError: It can be read only once, or not at all.
    """
    if isfunction(source) or ismethod(source):
        source, begin = seeded(partial(made_of, source))
        return replace(loader(source), begin=begin)
    if hasattr(source, "__iter__"):
        if isinstance(source, Iterator) and not _starts_anew_by_reset(source):
            raise UsageError(
                f"the data is {said(source)}, which can be read only once", AGAIN
            )
        if isinstance(source, Mapping | str | bytes) or hasattr(source, "shape"):
            raise UsageError(f"the data is {said(source)}, not batches", PAIR)
    elif isinstance(source, type) or item_of(source) is None:
        named = source.__name__ if isinstance(source, type) else said(source)
        raise UsageError(
            f"the data is {'the class ' if isinstance(source, type) else ''}{named}, "
            "which can't be iterated",
            "Give common.DataLoader(dataset), or a list of (inputs, labels).",
        )
    return Loader(source)


def made_of(make: Callable[[], Any]) -> Any:
    """What a class or a function that is supplied as data makes; as `making`."""
    name = getattr(make, "__name__", type(make).__name__)
    return made_as(make, name, SUPPLIED)


def _unreadable(error: BaseException) -> DataError:
    said = f"the data can't be read{place_of(error)}: {described(error)}"
    return DataError(said, SUPPLIED)


def _starts_anew_by_reset(source: Any) -> bool:
    """As iterators of mx.io do."""
    return isinstance(source, Iterator) and hasattr(source, "reset")


def _pair(batch: Any) -> Any:
    """A DataBatch of mx.io as a pair, without what fills up its last batch."""
    if not (hasattr(batch, "data") and hasattr(batch, "label")):
        return batch
    filled = len(batch.data[0]) - (batch.pad or 0)
    inputs, labels = (
        [each[:filled] for each in part or ()] for part in (batch.data, batch.label)
    )
    return inputs, labels[0] if len(labels) == 1 else labels or None


def arrays(inputs: Any, names: Sequence[str] = ()) -> tuple[Array, ...]:
    """The inputs of a batch as NumPy's arrays.

    Args:
        names: The order of those that have names.

    Raises:
        DataError: One can't be an array, or the names are others.
    """
    if isinstance(inputs, Mapping):
        found = _by_name(inputs)
        if names and set(found) != set(names):
            raise DataError(
                f"a batch has the inputs {', '.join(found)}, the first has "
                f"{', '.join(names)}",
                "All batches must have the same inputs.",
            )
        return tuple(_array(found[name], f"`{name}`") for name in names or found)
    if isinstance(inputs, tuple | list) and not are_numbers(inputs):
        parts = (part for each in inputs for part in _parts(each))
        return tuple(_array(each, f"{k}") for k, each in enumerate(parts))
    return tuple(_array(each, f"{k}") for k, each in enumerate(_parts(inputs)))


def _by_name(inputs: Mapping[Any, Any]) -> dict[str, Any]:
    """The inputs by their names; a ragged one's parts as signatures call them."""
    return {
        f"{name}_{k}" if k else str(name): part
        for name, each in inputs.items()
        for k, part in enumerate(_parts(each))
    }


def _parts(value: Any) -> tuple[Any, ...]:
    """An input alone; of TensorFlow's ragged tensor the values and where rows end."""
    if hasattr(value, "flat_values") and hasattr(value, "nested_row_splits"):
        return (value.flat_values, *value.nested_row_splits)
    return (value,)


def _array(value: Any, place: str) -> npt.NDArray[Any]:
    found = array_of(value)
    if found is None:
        raise DataError(
            f"input {place} of a batch is {said(value)}, which is no array", PAIR
        )
    check_kind(found, f"input {place} of a batch")
    return single(found)


def on_the_host(labels: Any) -> Any:
    """Labels of any form, their tensors as NumPy's arrays."""
    if isinstance(labels, Mapping):
        return {name: on_the_host(each) for name, each in labels.items()}
    if isinstance(labels, tuple | list):
        return type(labels)(map(on_the_host, labels)) if _plain(labels) else labels
    if not hasattr(labels, "shape"):
        return labels
    found = array_of(labels)
    return labels if found is None else found


def _plain(labels: Any) -> bool:
    """Whether it is made of its elements alone: no named tuple."""
    return type(labels) in (tuple, list)
