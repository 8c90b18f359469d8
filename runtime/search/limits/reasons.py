"""Why ops are fp32: what holds them from the start, and the reason of each at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ...common.errors import ModelError
from ...common.telling.progress import step
from ...frameworks.protocol import Traced
from ...graph.formats import LIMITS
from ...graph.graph import Graph, Kind, Placement, Precision
from ...graph.pins import Pins, Reason, Why, int8_pins, user_pins
from ...placement import Objective
from ...placement.fusing import free
from .bounds import Ends, bound_pins
from .capability import capability_pins
from .ranges import Ranges, find_ranges, stated_ends


def hard_pins(
    traced: Traced,
    low: Precision,
    pins: Pins,
    largest: Mapping[int, int] | None = None,
    ends: Ends | None = None,
) -> Ranges:
    """What is fp32 from the start: capability, growth, range, and what the user says.

    What overflows without harm on the calibration batch is excused, not pinned.

    Raises:
        ModelError: They hold every op, and none computes in int8: nothing is converted.
        UsageError: A pin matches no op.
    """
    graph = traced.graph
    if not any(op.quantized for op in graph.ops) and not any(
        op.kernel(low) for op in graph.ops
    ):
        raise _nothing(traced, low)
    with step("ranges of values"):
        statistics = traced.statistics(low)
    bounds = bound_pins(traced.graph, low, statistics, largest or {}, ends)
    held = {
        **user_pins(traced.graph, pins),
        **capability_pins(traced.graph, low, traced.probes),
    }
    stated = stated_ends(traced.graph, ends or {})
    ranges = find_ranges(traced, low, held.keys(), statistics, stated)
    return replace(
        ranges,
        pins={
            **int8_pins(traced.graph, pins, low),
            **bounds,
            **held,
            **ranges.pins,
        },
        firm=ranges.firm | bounds.keys(),
        unfit=ranges.unfit | _beyond(traced.graph, low, ends or {}),
    )


def _beyond(graph: Graph, low: Precision, ends: Ends) -> frozenset[str]:
    """Inputs that may leave the format's range, whatever the batch shows."""
    most = LIMITS[low].largest
    return frozenset(n for n in graph.inputs if ends.get(n, 0) > most)


def _nothing(traced: Traced, low: Precision) -> ModelError:
    dtypes = sorted({tensor.dtype for tensor in traced.graph.tensors.values()})
    said = next((p.message for p in traced.probes.values() if p.message), "")
    if "float32" in dtypes and said:
        return ModelError(
            f"no op can be converted to {low}: none has a kernel here that works: {said}",
            "Another precision, or a newer release of the framework, may have them.",
        )
    return ModelError(
        f"no op can be converted to {low}: the model computes in {', '.join(dtypes)}",
        "Only fp32 ops are converted: start from the model in fp32.",
    )


FUSED = Reason(Why.CAST, "is part of the int8 kernel before it")


def reasons(
    graph: Graph,
    placement: Placement,
    pins: Mapping[str, Reason],
    low: Precision,
    objective: Objective,
) -> dict[str, Reason]:
    """Every fp32 op with its reason; of those without a pin the objective knows it.

    And the same of ops in 16 bits that have a kernel in int8.
    """
    known = known_reasons(graph, pins)
    fused = free(graph, placement)
    found = {}
    for op in graph.ops:
        if op.id in fused and placement[op.id] is Precision.FP32:
            found[op.id] = known.get(op.id, FUSED)
        elif placement[op.id] is Precision.FP32:
            found[op.id] = known.get(op.id) or objective.aside(graph, op, low)
        elif placement[op.id] == low and op.kernel(Precision.INT8):
            aside = objective.aside(graph, op, Precision.INT8, low)
            found[op.id] = known.get(op.id) or replace(aside, floor=low)
    return found


def known_reasons(graph: Graph, pins: Mapping[str, Reason]) -> dict[str, Reason]:
    """The reasons of pinned ops, and of those that must have their precision."""
    return {**_tied(graph, pins), **pins}


def fp32_gains(
    graph: Graph, placement: Placement, low: Precision, objective: Objective
) -> dict[str, float]:
    """Op id → what an fp32 op would have gained by itself, in the objective's unit.

    Nobody timed an op without a kernel; its FLOPs and bytes are known.
    """
    timed = objective.unit == "seconds"
    return {
        op.id: objective.told(graph, op, low)
        for op in graph.ops
        if placement[op.id] == Precision.FP32
        and op.kind is not Kind.FIXED
        and (op.kernel(low) is not None or not timed)
    }


def _tied(graph: Graph, pins: Mapping[str, Reason]) -> dict[str, Reason]:
    """Reasons that pins hand on to the ops that must have their precision."""
    groups: dict[str, list[frozenset[str]]] = {}
    for group in graph.equal:
        for name in group:
            groups.setdefault(name, []).append(group)
    found: dict[str, Reason] = {}
    waiting = [(name, name) for name in sorted(pins, reverse=True)]
    while waiting:
        name, pin = waiting.pop()
        for other in sorted(set().union(*groups.pop(name, ()))):
            if other not in found and other not in pins:
                why = pins[pin]
                text = f"has the precision of {pin}: {why.text}"
                found[other] = replace(why, text=text)
                waiting.append((other, pin))
    return found
