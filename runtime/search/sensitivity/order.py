"""In which order ops are pinned when everything low fails."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

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


def pin_order(
    graph: Graph,
    low: Precision,
    placement: Placement,
    ranking: Sequence[Estimate],
    objective: Objective,
) -> list[tuple[str, Reason]]:
    """What to pin first, and why.

    Heavy ops by their error, the others by error per unit of what they gain in 16 bits.
    Movers come last: they round nothing, but where all around them is fp32 the casts
    that make them low do.

    An op without any error was not put to the test: the branch that it is in did not
    matter on the calibration batch, or its values were exact there. It counts as the
    median of the others does, which puts it early if it gains little in 16 bits.
    """
    usual = _usual([each.error for each in ranking])

    def rank(estimate: Estimate) -> tuple[float, ...]:
        if estimate.share >= HEAVY:
            return 0, -estimate.error
        gain = max(objective.gain(graph, graph.by_id[estimate.op], low), 0.0)
        per_gain = (estimate.error or usual) ** 2 / gain if gain else math.inf
        return 1, -per_gain, -estimate.error

    first = sorted(ranking, key=rank)
    movers = (
        op.id for op in graph.ops if op.kind is Kind.MOVER and placement[op.id] == low
    )
    aside = Reason(Why.ACCURACY, "the casts that would make it low round too much")
    return [
        *((each.op, _harm(each)) for each in first),
        *((name, aside) for name in movers),
    ]


def _usual(errors: Sequence[float]) -> float:
    """The median of those that are finite and not 0; 0 without any."""
    known = [error for error in errors if 0.0 < error < math.inf]
    return statistics.median(known) if known else 0.0


def _harm(estimate: Estimate) -> Reason:
    if math.isinf(estimate.error):
        text = "alone, in 16 bits, it makes outputs that are not finite"
    elif not estimate.error:
        text = "the calibration batch does not show what it does in 16 bits"
    else:
        text = (
            f"alone, in 16 bits, it changes the output by {estimate.error:.1e}: "
            f"{estimate.share:.1%} of all predicted error"
        )
    return Reason(Why.ACCURACY, text, estimate.error)
