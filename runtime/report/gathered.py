"""From what a run did to its report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..common.delivery import candidate_bytes
from ..evaluation.judgement import Judgement, Package
from ..graph.graph import Graph, Precision, casts
from ..graph.pins import Why
from ..placement.memory import weight_bytes
from ..search import Found
from ..search.found import Plan
from .comparison import Timed
from .report import Report


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How a run went, besides what it found out. Attributes: as `Report`."""

    name: str
    script: Path
    plan: Path
    replayed: bool
    interrupted: bool
    is_target: bool
    kernels: str = ""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    rebuilt: int | None = None


def gathered(
    graph: Graph,
    plan: Plan,
    found: Found,
    saved: Path,
    run: Circumstances,
    *,
    judgement: Judgement | None = None,
    drift: float | None = None,
    timed: Timed | None = None,
    package: Package | None = None,
) -> Report:
    """The report of what was delivered, not of what the search believed."""
    carrying = [op for op in graph.ops if graph.castable(op)]
    low = [op for op in carrying if plan.placement[op.id] == plan.low]
    weights = [t for t in graph.tensors.values() if t.constant]
    return Report(
        name=run.name,
        low=plan.low,
        objective=plan.objective,
        flops=graph.flops,
        flops_low=sum(op.flops for op in low),
        ops=len(carrying),
        ops_low=len(low),
        casts=len(casts(graph, plan.placement)),
        fp32_bytes=sum(t.elements * t.itemsize for t in weights),
        saved_bytes=candidate_bytes(saved),
        judgement=judgement,
        drift=drift,
        latency=None if timed is None else dict(timed.latency),
        trials=len(found.trials),
        replayed=run.replayed,
        interrupted=run.interrupted,
        is_target=run.is_target,
        kernels=run.kernels,
        fp32=_reasons(plan),
        script=run.script,
        model=saved,
        plan=run.plan,
        warnings=run.warnings,
        package=package,
        ended=found.ended,
        notes=run.notes,
        weights=_weights(graph, plan) if plan.objective == "memory" else None,
        rules=None if timed is None else timed.rules,
        rebuilt=run.rebuilt,
    )


def _reasons(plan: Plan) -> dict[str, str]:
    return {
        op_id: f"{reason.why}: {reason.text}"
        for op_id, reason in plan.reasons.items()
        if reason.why is not Why.FIXED
    }


def _weights(graph: Graph, plan: Plan) -> tuple[int, int]:
    fp32 = dict.fromkeys(graph.by_id, Precision.FP32)
    return weight_bytes(graph, fp32), weight_bytes(graph, plan.placement)
