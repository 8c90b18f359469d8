"""A result of little: heavy ops that stayed fp32, why, and what could be done."""

from __future__ import annotations

from collections.abc import Mapping

from ..graph.graph import Graph, Op, Precision
from ..graph.pins import Why
from ..search.found import Plan

LITTLE = 0.5
"""Share of FLOPs in 16 bits below which a result is little."""

HEAVY = 0.05
"""Share of FLOPs from which an op is heavy."""

REMEDIES: Mapping[Why, str] = {
    Why.USER: "lift that pin if it is not needed",
    Why.FIXED: "",
    Why.NO_KERNEL: "the other precision, another runtime or a newer version may have one",
    Why.RANGE: "bf16 has the range of fp32, fp16 is finer: the other may hold its values",
    Why.BOUND: "a largest size in model.inputs (`shape: [batch, {seq: 256}]`) may free it",
    Why.ACCURACY: "a criterion that allows more loss would lower it",
}
"""Why an op is fp32 → what helps; an objective's own choices need no help."""


def left_heavy(graph: Graph, plan: Plan) -> str:
    """What keeps most FLOPs in fp32 where few are low, as a sentence; "" elsewhere."""
    kept = [
        op
        for op in graph.ops
        if plan.placement[op.id] is Precision.FP32 and not op.quantized
    ]
    share = 1.0 - sum(op.flops for op in kept) / max(graph.flops, 1)
    if not graph.flops or share >= LITTLE:
        return ""
    groups: dict[Why, list[Op]] = {}
    for op in kept:
        reason = plan.fp32.get(op.id)
        heavy = op.flops >= HEAVY * graph.flops
        if heavy and reason is not None and reason.why in REMEDIES:
            groups.setdefault(reason.why, []).append(op)
    if not groups:
        return ""
    why, ops = max(groups.items(), key=lambda group: sum(op.flops for op in group[1]))
    heaviest = max(ops, key=lambda op: op.flops)
    others = f" and {len(ops) - 1} more heavy op{'s' * (len(ops) > 2)}"
    remedy = f": {REMEDIES[why]}" if REMEDIES[why] else ""
    return (
        f"only {share:.1%} of FLOPs are in {_lower(graph, plan)}: {heaviest.id} ({heaviest.type}, "
        f"{heaviest.flops / graph.flops:.1%} of FLOPs){others if ops[1:] else ''} "
        f"stay{'' if ops[1:] else 's'} fp32, {plan.fp32[heaviest.id].said}"
        f"{remedy}"
    )


def _lower(graph: Graph, plan: Plan) -> str:
    """What is below fp32."""
    int8 = graph.flops_int8(plan.placement)
    return f"int8 and {plan.low}" if int8 else str(plan.low)
