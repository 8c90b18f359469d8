"""Which sizes a result was judged at, of those that vary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from ..common.strict_json import count, mapped, row
from ..frameworks.inputs import Input

Judged = Mapping[str, tuple[int, int]]
"""Symbol, or `pair` of them → the least and the most that it was."""

JUDGED = mapped(row(count, count))


def symbols(inputs: Sequence[Input], shapes: Iterable[tuple[int, ...]]) -> Judged:
    """The sizes of one batch that are named, without how many samples it has."""
    found: dict[str, tuple[int, int]] = {}
    samples = next((each.shape[0] for each in inputs if each.shape), None)
    for declared, shape in zip(inputs, shapes, strict=False):
        for axis, symbol in declared.dynamic.items():
            if (axis or symbol != samples) and axis < len(shape):
                found[symbol] = shape[axis], shape[axis]
    return found


def named(inputs: Sequence[Input], shapes: Iterable[tuple[int, ...]]) -> dict[str, int]:
    """Symbol → size of one batch, of the samples' too."""
    return {
        symbol: shape[axis]
        for declared, shape in zip(inputs, shapes, strict=False)
        for axis, symbol in declared.dynamic.items()
        if axis < len(shape)
    }


def pair(a: str, b: str) -> str:
    """What the difference of two sizes is called, among the sizes that were judged."""
    return f"{a} - {b}"


def differences(inputs: Sequence[Input], shapes: Iterable[tuple[int, ...]]) -> Judged:
    """How far apart any two sizes of one batch are that have names."""
    found = named(inputs, shapes).items()
    return {
        pair(a, b): (abs(x - y), abs(x - y))
        for (a, x), (b, y) in combinations(found, 2)
    }


def joined(first: Judged, second: Judged) -> Judged:
    """What was seen in either."""
    found = dict(first)
    for symbol, (least, most) in second.items():
        low, high = found.get(symbol, (least, most))
        found[symbol] = min(low, least), max(high, most)
    return found


def shapes_of(batch: Iterable[Any]) -> list[tuple[int, ...]]:
    """Of the tensors of a batch; what has no shape is left out."""
    shapes = (getattr(value, "shape", None) for value in batch)
    return [tuple(map(int, shape)) for shape in shapes if shape is not None]


@dataclass(frozen=True)
class Sizes:
    """The sizes that vary.

    Attributes:
        first: Of the batch that was traced.
        samples: How many samples that has, in each input; None if not all is declared.
        judged: Of all data that were seen.
        stated: Symbol → the most that the spec says.
    """

    first: Judged = field(default_factory=dict)
    judged: Judged = field(default_factory=dict)
    stated: Mapping[str, int] = field(default_factory=dict)
    samples: frozenset[int] | None = frozenset()

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence for each: what it was, and what it may be."""
        return tuple(map(self._note, self.judged))

    def _note(self, symbol: str) -> str:
        least, most = self.judged[symbol]
        seen = f"{least}" if least == most else f"{least} to {most}"
        stated = self.stated.get(symbol)
        if stated is None:
            return f"{symbol} judged at {seen}: nothing is known of other sizes"
        return f"{symbol} judged at {seen}, the spec allows {stated}"

    @property
    def largest(self) -> Mapping[int, int]:
        """Length on the traced batch → the most that it may be, where all is stated.

        A position may lie behind others (a cache): so it is the sum of all sizes. A
        length that is the number of samples as well says nothing.
        """
        if self.samples is None or not self.first.keys() <= self.stated.keys():
            return {}
        most = sum(self.stated[symbol] for symbol in self.first)
        lengths = {length for length, _same in self.first.values()} - self.samples
        return dict.fromkeys(lengths, most)


def sizes(inputs: Sequence[Input], batch: Iterable[Any], judged: Judged) -> Sizes:
    """Of the batch that is traced, and of what was judged beside it."""
    shapes = shapes_of(batch)
    first = symbols(inputs, shapes)
    stated = {s: most for each in inputs for s, most in each.largest.items()}
    declared = bool(inputs) and all(each.shape is not None for each in inputs)
    samples = frozenset(shape[0] for shape in shapes if shape) if declared else None
    return Sizes(first, joined(first, judged), stated, samples)
