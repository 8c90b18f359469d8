"""What is supplied as data, made batches as the model takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ...common.errors import DataError
from ...evaluation.batches import Batches
from ...evaluation.data.arrays import CALLED
from ...evaluation.data.supplied.supplied import Data, RandomBatch
from ...frameworks.feeding.dtypes import conformed
from ...frameworks.inputs import Input
from .conforming import wanted

Read = Callable[[Data], Iterable[tuple[Any, Any]]]
"""A script's `batches`: data → (inputs, labels), as the framework's tensors."""


@dataclass(frozen=True)
class Fed:
    """Batches of data that is supplied, or of one random batch without it.

    Attributes:
        seed: Of the random batch.
        size: Samples in that, None where the spec doesn't say.
        note: Is told what of the data is left out.
    """

    read: Read
    data: Data | None
    seed: int
    note: Callable[[str], object] = str
    size: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What the data itself calls its inputs."""
        return () if self.data is None else self.data.names

    def batches(
        self, inputs: Sequence[Input], signature: Callable[[], Sequence[Input]]
    ) -> Batches:
        """What the data gives.

        Args:
            inputs: What the spec says of them.
            signature: What the model says of them, asked where the spec doesn't.
        """
        known = bool(inputs) and all(None not in (e.shape, e.dtype) for e in inputs)
        own = () if known else tuple(signature())
        if self.data is None:
            return partial(
                self.read, RandomBatch(inputs, own, self.seed, size=self.size)
            )
        given = tuple(each for each in inputs if not each.fixed)
        ordered = Ordered(self.data, given or own, own)
        if ordered.left:
            names = ", ".join(ordered.left)
            self.note(
                f"left out of the data, since the model has no such input: {names}"
            )
        return partial(self.read, ordered)


@dataclass(frozen=True)
class Ordered:
    """Data with its inputs in the model's order and dtypes.

    Attributes:
        wanted: The inputs in the order in which the model is fed.
        own: What the model says of them.
    """

    data: Data
    wanted: tuple[Input, ...]
    own: tuple[Input, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The data's names, in that order."""
        names = self.data.names
        return tuple(names[place] for place in self._order) if self._order else names

    @property
    def left(self) -> tuple[str, ...]:
        """The data's names of what no input is called."""
        names = set(self.names)
        return tuple(name for name in self.data.names if name not in names)

    @property
    def _order(self) -> tuple[int, ...]:
        """Places in the data; () where its own order is the only one.

        Raises:
            DataError: The data has names, and an input is called otherwise.
        """
        wanted, known = [each.name for each in self.wanted], self.data.names
        if not known or not wanted:
            return ()
        missing = [name for name in wanted if name not in known]
        if missing:
            raise DataError(
                f"the data has {', '.join(known)}, the model takes {', '.join(wanted)}",
                f"Call {', '.join(missing)} so in the data: what else is in it is left "
                f"out. {CALLED}",
            )
        return tuple(known.index(name) for name in wanted)

    def batches(
        self, size: int, *, limit: int | None = None, keep_last: bool = True
    ) -> Iterator[tuple[tuple[Any, ...], Any]]:
        """Inputs and labels, as `Data.batches`."""
        order = self._order
        read = self.data.batches(size, limit=limit, keep_last=keep_last)
        for arrays, labels in read:
            ordered = tuple(arrays[place] for place in order) or arrays
            wanted = self._wanted(len(ordered))
            yield tuple(map(_in_dtype, ordered, wanted)), labels

    def _wanted(self, count: int) -> Sequence[Input]:
        """Name and dtype of each; what is not said is a number, and None."""
        found = wanted(self.wanted, self.own)
        known = found if len(found) == count else map(Input, map(str, range(count)))
        return tuple(known)


def _in_dtype(array: Any, wanted: Input) -> Any:
    """The array as the model takes it."""
    return conformed(np.asarray(array), wanted.dtype, f"input {wanted.name}")
