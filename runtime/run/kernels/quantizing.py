"""Int8 kernels for a traced model: scales from data, from a history, or from a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...common.errors import ModelError
from ...evaluation.batches import Batches
from ...frameworks.protocol import Traced
from ...frameworks.quantizing.protocol import Quantizable
from ...frameworks.quantizing.quantization import Quantization, Sides
from ...graph.graph import Graph, Kind, Precision
from ...graph.pins import Pins, user_pins
from ...hardware.instructions import without_int8
from ...hardware.requirements import Machine
from ...record.plain_data import scales_data, scales_of
from ...record.plan import read_document, recorded_scales
from ...record.recorded import history_path
from ...record.resume import check_same
from ..context import Context
from ..slots.slots import Slots
from .calibrating import RANDOM, Samples, samples_of

SAID = "quantization"
"""Where the spec says how."""


@dataclass(frozen=True)
class Quantized:
    """A model with int8 kernels, and where its scales are from.

    Attributes:
        traced: The model.
        calibration: What its ranges are of, as plans have it; {} for no data.
    """

    traced: Quantizable
    calibration: Mapping[str, Any]


def tell_of_hardware(context: Context, machine: Machine | None) -> None:
    """Warn where the CPU has no instructions for int8: it is right there, and slow."""
    if machine is not None and not machine.cuda and (said := without_int8(machine.cpu)):
        context.warn(f"{said} ({machine.cpu.source})")


def quantized(
    context: Context,
    slots: Slots,
    traced: Traced,
    low: Precision,
    how: Quantization,
    own: Batches | None = None,
) -> Quantized:
    """The model with the int8 kernels that it may have.

    Ranges are taken from the data once: a search that is resumed goes on with its own
    scales, and a plan that is replayed has them. Both read the data of the ranges again,
    for what it is.

    Args:
        own: The data that ranges are taken from, None for that which is evaluated.

    Raises:
        ModelError: The framework has no int8 kernels here.
        UsageError: A type or name of `how` matches no op; or the search that is resumed
            took ranges from other data.
        PlanError: The plan that is replayed has no scales.
        DataError: The data can't be read, or is not what the model takes.
    """
    if not isinstance(traced, Quantizable):
        raise ModelError(
            "int8 was asked for, which is not written for this framework yet",
            "Leave int8 out of mixed_precision.precisions.",
        )
    how = resolved(how, traced.graph)
    samples = samples_of(slots, own, how.samples)
    if context.replays:
        plan = context.options.plan
        content = read_document(plan)
        ready = traced.with_scales(recorded_scales(content, plan.name), how)
        if "calibration" in content:
            samples.read()
        return Quantized(ready, _calibration(samples, how))
    context.progress.live("int8", f"ranges of what is quantized, from {samples.named}")
    fresh: list[Quantizable] = []

    def found() -> dict[str, list[object]]:
        with samples.told():
            fresh.append(traced.calibrated(samples, how))
        return scales_data(fresh[0].scales)

    recorded = scales_of(context.history.remember(f"scales {low}", found))
    if fresh:
        ready = fresh[0]
    else:
        ready = traced.with_scales(recorded, how)
        if recorded:
            samples.read()
    _hold(context, low, samples)
    _tell(context, ready, samples)
    return Quantized(ready, _calibration(samples, how))


def int8_data(traced: Traced, calibration: Mapping[str, Any]) -> dict[str, Any]:
    """What a plan has of int8 besides where ops are: scales, what they are of, and why
    contractions have no kernel."""
    if not isinstance(traced, Quantizable):
        return {}
    scales, refused = traced.scales, traced.int8_refusals
    return {
        **({"calibration": dict(calibration)} if calibration else {}),
        **({"scales": scales_data(scales)} if scales else {}),
        **({"no_int8_kernel": dict(sorted(refused.items()))} if refused else {}),
    }


def _hold(context: Context, low: Precision, samples: Samples) -> None:
    """Record what ranges were taken from, or hold it against what is recorded."""
    said = samples.data
    if said:
        now = {"the data of int8's ranges": f"{said['from']}, {said['digest']}"}
        name = history_path(context.options.plan).name
        check_same(context.history, f"calibration {low}", now, name)


def _calibration(samples: Samples, how: Quantization) -> Mapping[str, Any]:
    said = samples.data
    if not said:
        return {}
    every = (how.sides, *how.by_op.values())
    algorithms = sorted({each.activation.algorithm or "minmax" for each in every})
    return {**said, "algorithms": algorithms}


def _tell(context: Context, ready: Quantizable, samples: Samples) -> None:
    if samples.named == RANDOM and samples.seen:
        context.warn(
            "ranges of int8 come from random inputs: give data, or name some in "
            "quantization.calibration.dataloader"
        )
    elif 0 < samples.seen < samples.wanted:
        context.warn(
            f"quantization.calibration.sampling_size is {samples.wanted}, "
            f"{samples.named} has {samples.seen} samples: ranges of int8 come from these"
        )
    taken = f"ranges of {samples.seen} samples; " if samples.seen else ""
    context.progress.line("int8", taken + _text(ready))


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
