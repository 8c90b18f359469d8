"""Whole numbers that may grow beyond what the calibration batch shows stay fp32.

A position is exact in bf16 up to 256, and 64 tokens never show more: judged at 64, used
at 4096. No statistic of a batch tells, the graph does: positions, cumulative sums and
places grow with a size that varies, an integer input may be anything. Where such values
reach an op that means their absolute value (a sine, a comparison, the difference of two
of them), that op and all that led to it are fp32, unless a bound proves that the format
has every whole number up to it. It costs next to nothing: these ops are small.

What only scales them is left alone: rounding a mask or an average to 8 bits is what
rounding does everywhere, and the criterion judges it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ...frameworks.protocol import Statistics
from ...graph.formats import LIMITS
from ...graph.graph import REGION, Graph, Kind, Op, Precision, Tensor
from ...graph.growth import Growth
from ...graph.pins import Reason, Why

WIDE = frozenset({"int16", "int32", "int64", "uint16", "uint32", "uint64"})
"""Integer dtypes that hold more than the 256 whole numbers that bf16 holds."""


Ends = Mapping[str, float]
"""Input → the largest magnitude that the spec says of it."""


@dataclass(frozen=True, slots=True)
class Whole:
    """What is known of whole numbers, wherever they were moved, cast or scaled to.

    Attributes:
        origin: The op or the input that they come from.
        place: Whether they are positions or counts, not what a caller gave.
        bound: No larger than this, whatever the input, if they count from 0 by one.
        seen: What they then reach on the batch.
    """

    origin: str
    place: bool
    bound: float = math.inf
    seen: float = math.inf


def bound_pins(
    graph: Graph,
    low: Precision,
    statistics: Mapping[str, Statistics],
    largest: Mapping[int, int],
    ranges: Ends | None = None,
) -> dict[str, Reason]:
    """Op id → reason for what reads such values, and for all that led to it.

    Args:
        statistics: Of the calibration batch, by tensor: an input in fp32 that holds
            whole numbers there is taken for integers.
        largest: Length that a size had on the batch → the most that it may have; what
            is missing may be any.
        ranges: Input → the largest magnitude that it may have.
    """
    found = _Whole(graph, low, statistics, largest)
    for name in graph.inputs:
        most = (ranges or {}).get(name, math.inf)
        if most <= found.exact:
            continue
        seen = statistics.get(name)
        whole = seen is not None and not seen.fractional and seen.largest > 1
        if whole or graph.tensors[name].dtype in WIDE:
            found.known[name] = Whole(name, place=False, bound=most, seen=most)
    for op in graph.ops:
        found.visit(op)
    return _with_makers(graph, low, found)


class _Whole:
    """One pass over the graph in its order.

    Attributes:
        known: Tensor name → what it holds, of those that hold whole numbers.
        reads: Op id → what it reads by its absolute value.
    """

    def __init__(
        self,
        graph: Graph,
        low: Precision,
        statistics: Mapping[str, Statistics],
        largest: Mapping[int, int],
    ) -> None:
        self.graph, self.statistics, self.largest = graph, statistics, largest
        self.exact = LIMITS[low].whole
        self.known: dict[str, Whole] = {}
        self.reads: dict[str, Whole] = {}

    def visit(self, op: Op) -> None:
        """What the op reads, and what its outputs hold."""
        taken = tuple(self._taken(op))
        held = [self.known[name] for name in taken if name in self.known]
        read = self._read(op, taken, held)
        if read is not None:
            self.reads[op.id] = read
        for k, name in enumerate(op.outputs):
            made = self._made(op, k, self.graph.tensors[name], taken, held)
            if made is not None and not self._proven(self.graph.tensors[name], made):
                self.known[name] = made

    def _proven(self, tensor: Tensor, made: Whole) -> bool:
        """Whether the format holds each of them, and the op that casts them is behind.

        A bound is one of positions from 0 on: steps, starts and scales show on the batch.
        """
        if not tensor.floating:
            return tensor.dtype == "bool"
        seen = self.statistics.get(tensor.name)
        plain = seen is not None and not seen.fractional and seen.largest <= made.seen
        return plain and made.bound <= self.exact

    def _taken(self, op: Op) -> Iterator[str]:
        """What the op takes and does not merely look up places with."""
        names = [slot.tensor for slot in op.inputs if slot.tensor is not None]
        moves = op.growth is Growth.KEEPS and op.kind is Kind.MOVER
        for name in names:
            tensor = self.graph.tensors[name]
            if not tensor.constant and (tensor.floating or not moves):
                yield name

    def _read(self, op: Op, taken: tuple[str, ...], held: list[Whole]) -> Whole | None:
        floats = [n for n in taken if self.graph.tensors[n].floating]
        whole = [self.known[n] for n in floats if n in self.known]
        if not whole:
            return None
        worst = max(whole, key=lambda each: each.bound)
        if op.growth in (Growth.READS, Growth.ROUNDS) or self._selects(op):
            return worst
        if op.growth is not Growth.SUMS:
            return None
        if len(held) > 1:
            return worst
        places = [each for each in whole if each.place]
        return places[0] if places and len(floats) > 1 else None

    def _selects(self, op: Op) -> bool:
        """Whether the op makes truths, places or integers of floats."""
        made = [self.graph.tensors[name] for name in op.outputs]
        return (
            op.kind is Kind.FIXED and bool(made) and not any(t.floating for t in made)
        )

    def _made(
        self,
        op: Op,
        k: int,
        tensor: Tensor,
        taken: tuple[str, ...],
        held: list[Whole],
    ) -> Whole | None:
        if op.type == REGION:
            return self._entered(op, k, tensor)
        wide = tensor.dtype in WIDE
        if op.growth is Growth.COUNTS and (tensor.floating or wide):
            return self._counted(op, tensor, taken)
        if not held:
            counts = wide and op.growth is Growth.ENDS
            return Whole(op.id, place=True) if counts else None
        if not self._passes(op, tensor, taken):
            return None
        worst = max(held, key=lambda each: (each.place, each.bound))
        alone = len(held) == 1 and (
            op.kind in (Kind.MOVER, Kind.FIXED) or len(taken) == 1
        )
        return worst if alone else replace(worst, bound=math.inf)

    def _passes(self, op: Op, tensor: Tensor, taken: tuple[str, ...]) -> bool:
        """Whether what comes out is as large as what went in."""
        if not tensor.floating:
            return tensor.dtype in WIDE
        others = any(
            self.graph.tensors[name].floating and name not in self.known
            for name in taken
        )
        if op.kind is Kind.COMPUTE:
            terms = op.flops / max(2 * tensor.elements * tensor.runs, 1)
            return op.growth is Growth.KEEPS and terms <= 1 and not others
        if op.growth in (Growth.SUMS, Growth.ROUNDS):
            return not others
        keeps = op.growth is Growth.KEEPS
        return keeps and (op.kind in (Kind.MOVER, Kind.FIXED) or not others)

    def _entered(self, op: Op, k: int, tensor: Tensor) -> Whole | None:
        """What a body is given; a loop's counter grows however it began."""
        slot = op.inputs[k].tensor if k < len(op.inputs) else None
        if slot in self.known:
            return replace(self.known[slot], bound=math.inf)
        return Whole(op.id, place=True) if tensor.dtype in WIDE else None

    def _counted(self, op: Op, tensor: Tensor, taken: tuple[str, ...]) -> Whole:
        """Positions along a size are below it; what adds up data is not bounded by it."""
        unbounded = Whole(op.id, place=True)
        given = [
            name for name in taken if name in self.known and not self.known[name].place
        ]
        sums = any(self.graph.tensors[name].shape for name in taken)
        if len(tensor.shape) != 1 or sums or given:
            return unbounded
        length = tensor.shape[0]
        most = self.largest.get(length, math.inf) - 1
        return replace(unbounded, bound=most, seen=length - 1)


def _with_makers(graph: Graph, low: Precision, found: _Whole) -> dict[str, Reason]:
    """The ops that read, and through whole numbers all that made what they read."""
    pins: dict[str, Reason] = {}
    waiting = [graph.by_id[name] for name in found.reads]
    for op in waiting:
        pins[op.id] = _reason(low, found.reads[op.id])
    while waiting:
        reader = waiting.pop()
        for name in graph.castable(reader) + graph.fixed(reader):
            maker = graph.source(name)
            if maker is None or name not in found.known or maker.id in pins:
                continue
            if maker.type != REGION:
                pins[maker.id] = _reason(low, found.known[name])
            waiting.append(maker)
    return {name: why for name, why in pins.items() if graph.by_id[name].kernel(low)}


def _reason(low: Precision, whole: Whole) -> Reason:
    what = "positions or counts of" if whole.place else "whole numbers of input"
    if math.isfinite(whole.bound):
        most = f"go up to {whole.bound:.0f}"
    else:
        most = "may be larger in other data"
    text = f"{what} {whole.origin} {most}, {low} has all only up to {LIMITS[low].whole}"
    return Reason(Why.BOUND, text)
