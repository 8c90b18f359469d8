"""The range pass: what a 16-bit format can't hold is fp32 before the first trial.

Statistics of the calibration batch make ops suspect: values that overflow or become
zero, whole numbers that are rounded, kernels that return something else than fp32.
Most suspects are harmless: a mask of -1e9 is as good at the end of the range, and what
softmax leaves of a masked score may become 0. So the verdict is measured. All suspects low at once, the
rest in fp32: if the outputs don't suffer, none is pinned; else the group is halved.
Then the ops that a pinned one reads from are tried (`sources.py`).

What the batch clears must hold for every row, since a row that is masked in full may
come later: an op that makes infinities of what is finite in fp32 is never cleared, and
a value beyond the format's range, which an op in 16 bits keeps within it, is never cast
from fp32 (`Graph.unfit`), which would not.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial

from ...common.errors import ModelError
from ...frameworks.protocol import Clipping, Probe, Statistics, Traced
from ...graph.formats import LIMITS
from ...graph.graph import Graph, Kind, Op, Precision
from ...graph.growth import Growth
from ...graph.pins import Reason, Why
from .sources import GROSS, with_sources

WHOLE = 2**24
"""Beyond it every fp32 value is a whole number, which then means nothing."""


@dataclass(frozen=True)
class Ranges:
    """What the range pass found.

    Attributes:
        pins: Op id → reason, for the ops that harm the outputs.
        excused: Op id → reason, for ops with values that overflow in fp32 and stay
            finite in 16 bits, within the format's range.
        firm: Ids of ops whose pins no criterion lifts, since it is judged on some data:
            they make infinities of what is finite in fp32, or read what may grow.
        unfit: Tensors with such values: in fp32 they are not cast.
    """

    pins: Mapping[str, Reason]
    excused: Mapping[str, Reason]
    firm: frozenset[str] = frozenset()
    unfit: frozenset[str] = frozenset()

    @property
    def ranged(self) -> tuple[Reason, ...]:
        """Why ops are pinned for their range."""
        return tuple(r for r in self.pins.values() if r.why is Why.RANGE)

    def within(self, graph: Graph) -> Graph:
        """The graph that knows which of its values 16 bits don't hold.

        Raises:
            ModelError: The spec frees the dtype of an input or output that has such.
        """
        for name in (*graph.given, *graph.returned):
            if name in self.unfit:
                where = "inputs" if name in graph.given else "outputs"
                raise ModelError(
                    f"{name} has finite values that 16 bits do not hold, and "
                    f"model.{where} frees its dtype",
                    f"Leave its dtype out of model.{where}: it stays float32.",
                )
        return replace(graph, unfit=self.unfit) if self.unfit else graph


TOLD = 3
"""Reasons that a line of progress has room for."""


def ranged_text(ranges: Ranges) -> str:
    """How many ops the pass pinned, by their reasons."""
    counted = Counter(reason.text for reason in ranges.ranged).most_common()
    first, *others = (
        (f"{count} op{'s' * (count != 1)}", text) for text, count in counted[:TOLD]
    )
    more = sum(count for _text, count in counted[TOLD:])
    told = [f"{first[0]} pinned: {first[1]}", *(f"{n}: {text}" for n, text in others)]
    return "; ".join([*told, *[f"{more} more, see the plan"] * bool(more)])


def stated_ends(graph: Graph, ends: Mapping[str, float]) -> dict[str, float]:
    """Tensor → the largest magnitude that is stated of the input it was cast from.

    Args:
        ends: Input → the same.
    """
    found = {name: ends[name] for name in graph.inputs if name in ends}
    for op in graph.ops:
        names = [slot.tensor for slot in op.inputs if slot.tensor is not None]
        taken = [name for name in names if not graph.tensors[name].constant]
        casts = op.growth is Growth.KEEPS and op.kind in (Kind.MOVER, Kind.FIXED)
        if casts and len(taken) == 1 and taken[0] in found:
            found |= dict.fromkeys(op.outputs, found[taken[0]])
    return found


def find_ranges(
    traced: Traced,
    low: Precision,
    held: Set[str],
    statistics: Mapping[str, Statistics] | None = None,
    stated: Mapping[str, float] | None = None,
) -> Ranges:
    """Judge every op that can be low.

    Args:
        held: Ids of ops that are fp32 anyway.
        statistics: Of the calibration batch, by tensor; None: they are collected.
        stated: Tensor → the largest magnitude that is stated of it, for reasons.
    """
    graph, free = traced.graph, _free(traced.graph, low, held)
    if statistics is None:
        statistics = traced.statistics(low) if free else {}
    suspects = {}
    for op in free.values():
        probe = traced.probes.get(op.id)
        reason = suspicion(graph, op, low, statistics, probe, stated)
        if reason is not None:
            suspects[op.id] = reason
    infinite = {
        name: reason
        for name, reason in suspects.items()
        if _makes_infinities(traced.probes.get(name))
    }
    guilty = harmful(traced, low, tuple(n for n in suspects if n not in infinite))
    pins = {name: suspects[name] for name in suspects if name in guilty} | infinite
    excused = {
        name: reason
        for name, reason in suspects.items()
        if name not in pins and _overflows(graph, graph.by_id[name], statistics)
    }
    found = with_sources(traced, low, pins, free)
    unfit = _unfit(traced, low, statistics)
    return Ranges(found, excused, frozenset(infinite), unfit)


def _unfit(
    traced: Traced, low: Precision, statistics: Mapping[str, Statistics]
) -> frozenset[str]:
    """Tensors that overflow and are cast as they are."""
    over = (name for name, seen in statistics.items() if seen.overflow)
    clipped = traced.clipped(low) if isinstance(traced, Clipping) else frozenset()
    tensors = traced.graph.tensors
    return frozenset(n for n in over if n not in clipped and not tensors[n].constant)


def _makes_infinities(probe: Probe | None) -> bool:
    """Whether the kernel gave infinities for what is finite in fp32."""
    return probe is not None and probe.output is not None and math.isinf(probe.error)


def _overflows(graph: Graph, op: Op, statistics: Mapping[str, Statistics]) -> bool:
    names = (*graph.castable(op), *graph.carried(op))
    return any(statistics[name].overflow for name in names if name in statistics)


def suspicion(
    graph: Graph,
    op: Op,
    low: Precision,
    statistics: Mapping[str, Statistics],
    probe: Probe | None,
    stated: Mapping[str, float] | None = None,
) -> Reason | None:
    """Why the op's values may not fit the format, None if all do."""
    names = dict.fromkeys((*graph.castable(op), *graph.carried(op)))
    seen = [(name, statistics[name]) for name in names if name in statistics]
    for check in (_overflow, _flush, partial(_inexact, stated=stated or {})):
        for name, found in seen:
            reason = check(name, found, low)
            if reason is not None:
                return reason
    if probe is None or probe.error <= GROSS:
        return None
    if not math.isfinite(probe.error):
        text = probe.message or f"not finite in {low} on the first batch"
    else:
        text = f"in {low} its own outputs are off by {probe.error:.0%}"
    return Reason(Why.RANGE, text, probe.error)


def _overflow(name: str, found: Statistics, low: Precision) -> Reason | None:
    if not found.overflow:
        return None
    end = f"{low}'s {LIMITS[low].largest:.6g}"
    text = f"{name} reaches {found.largest:.2g}, beyond {end}"
    return Reason(Why.RANGE, text, found.largest)


def _flush(name: str, found: Statistics, low: Precision) -> Reason | None:
    if not found.flushed:
        return None
    text = f"{found.flushed:.1%} of the values of {name} become zero in {low}"
    return Reason(Why.RANGE, text, found.flushed)


def _inexact(
    name: str, found: Statistics, low: Precision, stated: Mapping[str, float]
) -> Reason | None:
    if not found.inexact or found.largest > WHOLE:
        return None
    largest = max(found.largest, stated.get(name, 0.0))
    text = (
        f"{name} holds whole numbers up to {largest:.6g}, "
        f"{low} has all only up to {LIMITS[low].whole}"
    )
    return Reason(Why.RANGE, text, largest)


def harmful(traced: Traced, low: Precision, group: Sequence[str]) -> frozenset[str]:
    """The ops of a group that harm the outputs, found by halving.

    Of ops that do so only together, none.
    """
    if not group or traced.error(low, group) <= GROSS:
        return frozenset()
    if len(group) == 1:
        return frozenset(group)
    middle = len(group) // 2
    first, second = group[:middle], group[middle:]
    return harmful(traced, low, first) | harmful(traced, low, second)


def _free(graph: Graph, low: Precision, held: Set[str]) -> dict[str, Op]:
    ops = (op for op in graph.ops if op.kernel(low) and op.id not in held)
    return {op.id: op for op in ops}
