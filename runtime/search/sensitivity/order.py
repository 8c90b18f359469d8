"""In which order ops are pinned when everything low fails."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...graph.graph import Graph, Kind, Placement, Precision
from ...graph.pins import Reason, Why
from ...placement import Objective
from .estimate import Estimate
from .together import Groups

HEAVY = 0.05
"""Share of all predicted error from which an op comes first, whatever pinning costs."""


HALF = 0.5
"""The same beside int8, whose errors are of one size over many ops."""


def rounding_ops(graph: Graph, low: Precision, placement: Placement) -> list[str]:
    """Ids of the ops that are low and round, in the graph's order: movers don't."""
    ops = (op for op in graph.ops if placement[op.id] == low)
    return [op.id for op in ops if op.kind is not Kind.MOVER]


def lowerable_ops(graph: Graph, low: Precision, placement: Placement) -> list[str]:
    """`rounding_ops`, and those in int8 that would be if they were raised."""
    below = (Precision.INT8, low)
    ops = (op for op in graph.ops if placement[op.id] in below and op.kernel(low))
    return [op.id for op in ops if op.kind is not Kind.MOVER]


def pin_order(
    graph: Graph,
    low: Precision,
    placement: Placement,
    ranking: Sequence[Estimate],
    objective: Objective,
    int8: Sequence[Estimate] = (),
) -> list[tuple[str, Reason]]:
    """What to raise first, and why: each op by one level, from int8 to 16 bits to fp32.

    Heavy ops by their error, the others by error per unit of what they gain in the
    precision that they are raised from. Ops that must have one precision are raised as
    one, under the name of the worst: with all their error, for all that they gain.
    Movers come last: they round nothing, but where
    all around them is fp32 the casts that make them low do.

    An op without any error was not put to the test: the branch that it is in did not
    matter on the calibration batch, or its values were exact there. It counts as the
    median of the others does, which puts it early if it gains little in 16 bits.

    Args:
        ranking: Of the ops that are low or would be if they were raised from int8.
        int8: Of the ops in int8.
    """
    groups = Groups.of(graph, (*int8, *ranking))
    ranking, int8 = groups.together(ranking), groups.together(int8)
    usual = _usual([each.error for each in ranking])
    steps = list(_steps(low, ranking, int8))
    in_int8 = {each.op for each in int8}
    has = (*int8, *(each for each in ranking if each.op not in in_int8))
    now = math.fsum(each.error**2 for each in has if math.isfinite(each.error))

    def rank(step: _Step) -> tuple[float, ...]:
        much = step.error**2 >= HALF * now
        if much if int8 else step.estimate.share >= HEAVY:
            return 0, -step.error
        gains = (
            objective.gain(graph, op, step.below, step.floor)
            for op in groups.members(step.estimate.op)
        )
        gain = max(math.fsum(gains), 0.0)
        per_gain = (step.error or usual) ** 2 / gain if gain else math.inf
        return 1, -per_gain, -step.error

    first = sorted(steps, key=rank)
    ops = (op.id for op in graph.ops if op.kind is Kind.MOVER)
    movers = groups.others(name for name in ops if placement[name] == low)
    aside = Reason(Why.ACCURACY, "the casts that would make it low round too much")
    return [
        *((step.estimate.op, _harm(step, groups)) for step in first),
        *((name, aside) for name in movers),
    ]


def raised(
    held: Mapping[str, Reason], steps: Iterable[tuple[str, Reason]]
) -> dict[str, Reason]:
    """The pins with these steps; of several on one op the highest floor counts."""
    found = dict(held)
    for name, reason in steps:
        known = found.get(name)
        if known is None or known.floor.level < reason.floor.level:
            found[name] = reason
    return found


@dataclass(frozen=True)
class _Step:
    """An op raised by one level.

    Attributes:
        below: The precision that it had.
        floor: The one that it has then.
        error: The output error that goes.
    """

    estimate: Estimate
    below: Precision
    floor: Precision
    error: float


def _steps(
    low: Precision, ranking: Sequence[Estimate], int8: Sequence[Estimate]
) -> Iterator[_Step]:
    """From int8 to 16 bits where that removes what it does, and on; else straight to
    fp32: bf16 may round as much as int8 does."""
    of_int8, above = {each.op: each for each in int8}, set()
    for each in ranking:
        above.add(each.op)
        own = of_int8.get(each.op)
        if own is None:
            yield _Step(each, low, Precision.FP32, each.error)
        elif not _helps(own, each):
            yield _Step(own, Precision.INT8, Precision.FP32, own.error)
        else:
            removed = math.sqrt(own.error**2 - each.error**2)
            yield _Step(own, Precision.INT8, low, removed)
            yield _Step(each, low, Precision.FP32, each.error)
    for own in int8:
        if own.op not in above:  # it has no kernel in 16 bits
            yield _Step(own, Precision.INT8, Precision.FP32, own.error)


def _helps(in_int8: Estimate, low: Estimate) -> bool:
    """Whether 16 bits remove at least half of int8's squared error."""
    return math.isfinite(low.error) and low.error**2 <= in_int8.error**2 / 2


def _usual(errors: Sequence[float]) -> float:
    """The median of those that are finite and not 0; 0 without any."""
    known = [error for error in errors if 0.0 < error < math.inf]
    return statistics.median(known) if known else 0.0


def _harm(step: _Step, groups: Groups) -> Reason:
    estimate = step.estimate
    how = "in int8" if step.below is Precision.INT8 else "in 16 bits"
    if groups.alone(estimate.op):
        who, makes, changes = f"alone, {how}, it", "makes", "changes"
    else:
        who, makes, changes = f"tied to others; together, {how}, they", "make", "change"
    if math.isinf(estimate.error):
        text = f"{who} {makes} outputs that are not finite"
    elif not estimate.error:
        text = f"the calibration batch does not show what it does {how}"
    else:
        text = (
            f"{who} {changes} the output by {estimate.error:.1e}: "
            f"{estimate.share:.1%} of all predicted error"
        )
    return Reason(Why.ACCURACY, text, estimate.error, step.floor)
