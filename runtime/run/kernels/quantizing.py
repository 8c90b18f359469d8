"""Int8 kernels for a traced model: scales from data, from a history, or from a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from ...common.errors import ModelError
from ...frameworks.protocol import Inputs, Traced
from ...frameworks.quantizing.protocol import Quantizable
from ...frameworks.quantizing.quantization import Quantization, Sides
from ...graph.graph import Graph, Kind, Precision
from ...graph.pins import Pins, user_pins
from ...record.plain_data import scales_data, scales_of
from ...record.plan import read_document, recorded_scales
from ..context import Context
from ..slots.slots import Slots

SAID = "quantization"
"""Where the spec says how."""


def quantized(
    context: Context, slots: Slots, traced: Traced, low: Precision, how: Quantization
) -> Quantizable:
    """The model with the int8 kernels that it may have.

    Ranges are taken from the data once: a search that is resumed goes on with its own
    scales, and a plan that is replayed has them.

    Raises:
        ModelError: The framework has no int8 kernels here.
        UsageError: A type or name of `how` matches no op.
        PlanError: The plan that is replayed has no scales.
    """
    if not isinstance(traced, Quantizable):
        raise ModelError(
            "int8 was asked for, which is not written for this framework yet",
            "Leave int8 out of mixed_precision.precisions.",
        )
    how = resolved(how, traced.graph)
    if context.replays:
        plan = context.options.plan
        scales = recorded_scales(read_document(plan), plan.name)
        return traced.with_scales(scales, how)
    context.progress.live("int8", "ranges of what is quantized")
    fresh: list[Quantizable] = []

    def found() -> dict[str, list[object]]:
        fresh.append(traced.calibrated(_first(slots, how.samples), how))
        return scales_data(fresh[0].scales)

    recorded = scales_of(context.history.remember(f"scales {low}", found))
    ready = fresh[0] if fresh else traced.with_scales(recorded, how)
    if slots.made_up:
        context.warn("ranges of int8 come from random inputs: give data")
    context.progress.line("int8", _text(ready))
    return ready


def _first(slots: Slots, samples: int) -> Iterator[Inputs]:
    """Batches with at least so many samples together."""
    seen = 0
    for inputs, _labels in slots.batches():
        yield inputs
        seen += max((len(each) for each in inputs if len(each.shape)), default=1)
        if seen >= samples:
            return


def resolved(how: Quantization, graph: Graph) -> Quantization:
    """What is said of types and names, said of ops.

    Raises:
        UsageError: A type or a pattern matches no op.
    """
    found: dict[str, Sides] = {}
    for type_, sides in how.types.items():
        pins = Pins(types={type_: f"{SAID}: type {type_}"})
        found |= dict.fromkeys(user_pins(graph, pins), sides)
    for pattern, sides in how.names.items():
        pins = Pins(names={pattern: f"{SAID}: name"})
        found |= dict.fromkeys(user_pins(graph, pins), sides)
    return replace(how, by_op=found)


def _text(traced: Quantizable) -> str:
    """How many ops may be in int8, and why others may not."""
    working = [op for op in traced.graph.ops if op.kind is Kind.COMPUTE]
    able = sum(op.kernel(Precision.INT8) is not None for op in working)
    reasons = Counter(traced.int8_refusals.values()).most_common(1)
    why = f"; {reasons[0][1]}: {reasons[0][0]}" if reasons else ""
    return f"{able} of {len(working)} contractions have a kernel{why}"
