"""Costs measured on the machine that will run the model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce

from ...common.timing import Clock
from ...frameworks.protocol import Timings, Traced
from ...graph.graph import Graph, Kind, Op, Placement, Precision, Tensor
from .. import latency, low_compute
from ..costs import StaticCosts, predicted_seconds
from ..fusing import summed
from ..objectives import place

LEAST_CAP = 60.0
EVALUATIONS = 2.0
"""All measuring may take as many seconds, or as long as so many evaluations if that is
longer; ops that don't fit keep their static costs."""

SECONDS_EACH = 0.1
RUNS_EACH = 10
"""Least runs of one op in each precision, warm-up included."""

MARGIN = 0.05
"""Share by which timings of one op differ from run to run."""

NEVER = 99.0
"""Margin under which no op that has a kernel stays fp32 for its speed."""

WHOLE = "everything low"
"""Name of the placement that latency has to beat: all that can be in the fewest bits."""

TOLERANCE = 0.1
"""Largest error of the additive model that is left as it is."""


@dataclass(frozen=True)
class MeasuredCosts:
    """Seconds as timed, static where nothing was; scaled to whole models.

    Attributes:
        timings: Medians per op and cast.
        static: For ops that were not timed.
        scale: Precision → factor that makes the sum of ops fit the model end to end.
        errors: Precision → error of the additive model before scaling, relative.
        margin: Share of its seconds that an op must gain by staying in more bits than
            it could be in, since gains within it may be noise, and weights take twice
            the memory.
        int8_slower: Whether the model is faster as a whole where no op is int8 for its
            speed.
    """

    timings: Timings
    static: StaticCosts
    scale: Mapping[Precision, float] = field(default_factory=dict)
    errors: Mapping[Precision, float] = field(default_factory=dict)
    margin: float = 0.0
    int8_slower: bool = False

    def op(self, op: Op, precision: Precision) -> float:
        """Seconds of `op` in `precision`, and what more bits have to gain over fewer."""
        low = NEVER if self.int8_slower and precision is Precision.INT8 else 1.0
        factor = (1.0 + self.margin) ** _steps_up(op, precision)
        return self.alone(op, precision) * factor * low

    def alone(self, op: Op, precision: Precision) -> float:
        """Seconds of `op` in `precision`, scaled; 0 for a fixed op."""
        if op.kind is Kind.FIXED or summed(op, precision):
            return 0.0
        timed = self.timings.ops.get((op.id, precision))
        if timed is None:
            seconds = self.static.op(op, precision)
        else:
            seconds = timed.median * self.static.graph.runs(op)
        return seconds * self.scale.get(precision, 1.0)

    def cast(self, tensor: Tensor, source: Precision, target: Precision) -> float:
        """Seconds of one conversion of `tensor`."""
        timed = self.timings.casts.get((tensor.shape, source, target))
        if timed is None:
            return self.static.cast(tensor, source, target)
        return timed.median * tensor.runs


def _steps_up(op: Op, precision: Precision) -> int:
    """How many precisions stand below this one; below fp32 one always does."""
    if precision is Precision.INT8:
        return 0
    return (precision is Precision.FP32) + (op.kernel(Precision.INT8) is not None)


def measured_costs(
    traced: Traced,
    low: Precision,
    static: StaticCosts,
    clock: Clock,
    evaluation: float = 0.0,
) -> MeasuredCosts:
    """Time the ops that can be in `low` or int8, and hold their sum against whole models.

    The additive model's error is reported; beyond TOLERANCE the costs are scaled. Where
    the model with all ops in the fewest bits is faster as a whole than the one that the
    sum prefers (kernels fuse, casts break that up), no op stays in more bits for its
    speed; where the model without int8 is the fastest, none is int8 for it.

    Args:
        evaluation: Seconds that one evaluation takes.
    """
    graph = traced.graph
    lows = (low, Precision.INT8) if graph.quantizable else (low,)
    cap = max(LEAST_CAP, EVALUATIONS * evaluation) / len(lows)
    timed = [
        traced.time(each, chosen(graph, each, static, cap), clock, SECONDS_EACH)
        for each in lows
    ]
    costs = MeasuredCosts(reduce(_beside, timed), static)
    wholes = _wholes(costs, low)
    everything = low_compute(graph, low, frozenset()).placement
    rivals = {} if everything in wholes.values() else {WHOLE: everything}
    named = {str(precision): placement for precision, placement in wholes.items()}
    taken = traced.time_whole({**named, **rivals}, clock)
    seconds = {precision: taken[str(precision)].median for precision in wholes}
    measured = {each: (wholes[each], seconds[each]) for each in wholes}
    costs = scaled(costs, measured)
    rival = min((taken[name].median for name in rivals), default=math.inf)
    int8 = seconds.get(Precision.INT8, math.inf)
    if graph.quantizable and seconds[low] < min(rival, int8):
        return replace(costs, margin=MARGIN, int8_slower=True)
    beaten = rival < min(int8, seconds[low])
    return replace(costs, margin=NEVER if beaten else MARGIN)


def _beside(timings: Timings, others: Timings) -> Timings:
    """Both; what both have as the first has it."""
    return Timings({**others.ops, **timings.ops}, {**others.casts, **timings.casts})


def _wholes(costs: MeasuredCosts, low: Precision) -> dict[Precision, Placement]:
    """Precision → what the sum prefers down to it; int8 where that is another."""
    graph, objective = costs.static.graph, latency(costs)
    problem = objective.problem(graph, low)
    floors = dict.fromkeys(graph.by_id, low)
    found = {
        Precision.FP32: dict.fromkeys(graph.by_id, Precision.FP32),
        low: place(graph, problem, floors).placement,
    }
    least = place(graph, problem, {}).placement
    if Precision.INT8 in least.values():
        found[Precision.INT8] = least
    return found


def chosen(
    graph: Graph, low: Precision, static: StaticCosts, seconds: float
) -> frozenset[str]:
    """Ids of the ops to time: largest predicted first until `seconds` are spent."""

    def both(op: Op) -> float:
        every = static.op(op, Precision.FP32) + static.op(op, low)
        return every / graph.runs(op)

    candidates = [op for op in graph.ops if op.kernel(low) is not None]
    taken, spent = set(), 0.0
    for op in sorted(candidates, key=both, reverse=True):
        spent += RUNS_EACH * both(op)
        if spent > seconds:
            break
        taken.add(op.id)
    return frozenset(taken)


def scaled(
    costs: MeasuredCosts, measured: Mapping[Precision, tuple[Placement, float]]
) -> MeasuredCosts:
    """The costs held against whole models, and scaled where they are off.

    Args:
        measured: Precision → a placement mostly in it, and its measured seconds.
    """
    graph = costs.static.graph
    errors = {
        precision: predicted_seconds(graph, costs, placement) / seconds - 1.0
        for precision, (placement, seconds) in measured.items()
    }
    scale = {
        precision: 1.0 / (1.0 + error)
        for precision, error in errors.items()
        if abs(error) > TOLERANCE
    }
    return MeasuredCosts(costs.timings, costs.static, scale, errors)
