"""From a plan to the ops that matter most, and to those that stayed fp32."""

from __future__ import annotations

from collections.abc import Mapping

from ...graph.graph import Graph, Op
from ...graph.pins import Reason, Why
from ...search.found import Plan
from .network import Kept, OpRow

MOST = 40
"""Rows; the plan has all."""


def most_sensitive(graph: Graph, plan: Plan) -> tuple[str, tuple[OpRow, ...]]:
    """What `Document.ranked_by` and `Document.ops` are.

    Where no trial failed nobody asked which op harms: then it is the heaviest.
    """
    if plan.ranking:
        known = [each for each in plan.ranking if each.op in graph.by_id][:MOST]
        rows = (
            _row(graph.by_id[each.op], plan, each.share, each.error) for each in known
        )
        return "error", tuple(rows)
    castable = [
        op for op in graph.ops if op.flops and (op.quantized or graph.castable(op))
    ]
    heaviest = sorted(castable, key=lambda op: -op.flops)[:MOST]
    return "flops", tuple(_row(op, plan, None, None) for op in heaviest)


def _row(op: Op, plan: Plan, share: float | None, error: float | None) -> OpRow:
    reason = plan.reasons.get(op.id)
    return OpRow(
        op.id,
        op.type,
        "int8" if op.quantized else str(plan.placement[op.id]),
        op.flops,
        share,
        error,
        "" if reason is None else str(reason.why),
        "" if reason is None else reason.text,
        plan.gains.get(op.id),
        op.scope,
    )


def kept_in_fp32(graph: Graph, plan: Plan) -> tuple[Kept, ...]:
    """By reason, those with most FLOPs first."""
    held = {
        name: reason
        for name, reason in plan.fp32.items()
        if reason.why not in (Why.FIXED, Why.INT8)
    }
    return _by_reason(graph, held)


def above_int8(
    graph: Graph, plan: Plan, refused: Mapping[str, str]
) -> tuple[Kept, ...]:
    """The same of ops in 16 bits with an int8 kernel, and of those that have none.

    Args:
        refused: Op id → why it has no int8 kernel.
    """
    held = {name: r for name, r in plan.reasons.items() if name not in plan.fp32}
    for name, text in refused.items():
        held[name] = Reason(Why.NO_KERNEL, f"no int8 kernel: {text}")
    return _by_reason(graph, held)


def _by_reason(graph: Graph, held: Mapping[str, Reason]) -> tuple[Kept, ...]:
    groups: dict[Reason, list[str]] = {}
    for name, reason in held.items():
        groups.setdefault(reason, []).append(name)
    kept = [_kept(graph, reason, names) for reason, names in groups.items()]
    return tuple(sorted(kept, key=lambda each: (-each.flops, -len(each.ops))))


def _kept(graph: Graph, reason: Reason, names: list[str]) -> Kept:
    known = [graph.by_id.get(name) for name in names]
    flops = sum(op.flops for op in known if op is not None)
    scopes = tuple("" if op is None else op.scope for op in known)
    return Kept(str(reason.why), reason.text, tuple(names), flops, scopes)
