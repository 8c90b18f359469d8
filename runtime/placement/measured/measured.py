"""Costs measured on the machine that will run the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ...common.timing import Clock
from ...frameworks.protocol import Timings, Traced
from ...graph.graph import Graph, Kind, Op, Placement, Precision, Tensor
from .. import latency, low_compute
from ..costs import StaticCosts, predicted_seconds
from ..fusing import summed

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
"""Name of the placement that latency has to beat."""

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
        margin: Share of its seconds that an op must gain by staying fp32, since gains
            within it may be noise, and fp32 weights take twice the memory.
    """

    timings: Timings
    static: StaticCosts
    scale: Mapping[Precision, float] = field(default_factory=dict)
    errors: Mapping[Precision, float] = field(default_factory=dict)
    margin: float = 0.0

    def op(self, op: Op, precision: Precision) -> float:
        """Seconds of `op` in `precision`; 0 for a fixed op."""
        if op.kind is Kind.FIXED or summed(op, precision):
            return 0.0
        timed = self.timings.ops.get((op.id, precision))
        if timed is None:
            seconds = self.static.op(op, precision)
        else:
            seconds = timed.median * self.static.graph.runs(op)
        factor = 1.0 + self.margin if precision is Precision.FP32 else 1.0
        return seconds * self.scale.get(precision, 1.0) * factor

    def cast(self, tensor: Tensor, source: Precision, target: Precision) -> float:
        """Seconds of one conversion of `tensor`."""
        timed = self.timings.casts.get((tensor.shape, source, target))
        if timed is None:
            return self.static.cast(tensor, source, target)
        return timed.median * tensor.runs


def measured_costs(
    traced: Traced,
    low: Precision,
    static: StaticCosts,
    clock: Clock,
    evaluation: float = 0.0,
) -> MeasuredCosts:
    """Time the ops that can be low, and hold their sum against whole models.

    The additive model's error is reported; beyond TOLERANCE the costs are scaled. Where
    the model with all ops low is faster as a whole than the one that the sum prefers
    (kernels fuse, casts break that up), no op stays fp32 for its speed.

    Args:
        evaluation: Seconds that one evaluation takes.
    """
    cap = max(LEAST_CAP, EVALUATIONS * evaluation)
    ops = chosen(traced.graph, low, static, cap)
    costs = MeasuredCosts(traced.time(low, ops, clock, SECONDS_EACH), static)
    whole = {
        str(Precision.FP32): dict.fromkeys(traced.graph.by_id, Precision.FP32),
        str(low): latency(costs)(traced.graph, low, frozenset()).placement,
    }
    everything = low_compute(traced.graph, low, frozenset()).placement
    rivals = {} if everything == whole[str(low)] else {WHOLE: everything}
    timed = traced.time_whole({**whole, **rivals}, clock)
    measured = {Precision(name): (whole[name], timed[name].median) for name in whole}
    beaten = any(timed[name].median < timed[str(low)].median for name in rivals)
    return replace(scaled(costs, measured), margin=NEVER if beaten else MARGIN)


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
