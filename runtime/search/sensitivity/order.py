"""In which order ops are pinned when everything low fails."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...graph.graph import Graph, Kind, Placement, Precision
from ...graph.pins import Reason, Why
from ...placement import Objective
from .estimate import Estimate

HEAVY = 0.05
"""Share of all predicted error from which an op comes first, whatever pinning costs."""


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
    precision that they are raised from. Movers come last: they round nothing, but where
    all around them is fp32 the casts that make them low do.

    An op without any error was not put to the test: the branch that it is in did not
    matter on the calibration batch, or its values were exact there. It counts as the
    median of the others does, which puts it early if it gains little in 16 bits.

    Args:
        ranking: Of the ops that are low or would be if they were raised from int8.
        int8: Of the ops in int8.
    """
    usual = _usual([each.error for each in ranking])
    errors = {each.op: each.error for each in ranking}
    steps = [
        *(_Step(each, low, Precision.FP32, each.error) for each in ranking),
        *(
            _Step(each, Precision.INT8, low, _removed(each, errors.get(each.op, 0.0)))
            for each in int8
        ),
    ]
    in_int8 = {each.op for each in int8}
    now = math.fsum(
        step.error**2
        for step in steps
        if math.isfinite(step.error)
        and (step.below is Precision.INT8 or step.estimate.op not in in_int8)
    )

    def rank(step: _Step) -> tuple[float, ...]:
        alone = step.estimate.share if not int8 else step.error**2 / now if now else 0.0
        if alone >= HEAVY:
            return 0, -step.error
        op = graph.by_id[step.estimate.op]
        gain = max(objective.gain(graph, op, step.below, step.floor), 0.0)
        per_gain = (step.error or usual) ** 2 / gain if gain else math.inf
        return 1, -per_gain, -step.error

    first = sorted(steps, key=rank)
    movers = (
        op.id for op in graph.ops if op.kind is Kind.MOVER and placement[op.id] == low
    )
    aside = Reason(Why.ACCURACY, "the casts that would make it low round too much")
    return [
        *((step.estimate.op, _harm(step)) for step in first),
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


def _removed(in_int8: Estimate, low: float) -> float:
    """What is left of int8's error without that of 16 bits: squares add up."""
    if math.isinf(in_int8.error):
        return math.inf
    return math.sqrt(max(in_int8.error**2 - low**2, 0.0))


def _usual(errors: Sequence[float]) -> float:
    """The median of those that are finite and not 0; 0 without any."""
    known = [error for error in errors if 0.0 < error < math.inf]
    return statistics.median(known) if known else 0.0


def _harm(step: _Step) -> Reason:
    estimate = step.estimate
    how = "in int8" if step.below is Precision.INT8 else "in 16 bits"
    if math.isinf(estimate.error):
        text = f"alone, {how}, it makes outputs that are not finite"
    elif not estimate.error:
        text = f"the calibration batch does not show what it does {how}"
    else:
        text = (
            f"alone, {how}, it changes the output by {estimate.error:.1e}: "
            f"{estimate.share:.1%} of all predicted error"
        )
    return Reason(Why.ACCURACY, text, estimate.error, step.floor)
