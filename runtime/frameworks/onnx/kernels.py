"""Which ops a runtime computes in a low precision: each was run, on real inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ...graph import Kind, Op, Precision
from ..comparing import compared
from ..protocol import Array, Probe
from . import schemas
from .execution import Executor
from .single import Singles


def probe(
    singles: Singles,
    executor: Executor,
    low: Precision,
    failed: Mapping[str, str],
) -> dict[str, Probe]:
    """Run every op that could be low alone, and hold it against fp32; op id → probe.

    An operator whose schema has no such type is not tried: the file would not be valid.

    Args:
        failed: Region that could not be run → why.
    """
    found = {}
    for op in singles.graph.ops:
        if op.kind is Kind.FIXED:
            continue
        refused = _refusal(singles, op, low)
        if refused:
            found[op.id] = Probe(None, math.inf, refused)
        elif not singles.ran(op):
            found[op.id] = Probe(None, math.inf, _why(op, failed))
        else:
            found[op.id] = _probe(singles, executor, op, low)
    return found


def _refusal(singles: Singles, op: Op, low: Precision) -> str:
    node, tensors = singles.nodes[op.id], singles.graph.tensors
    known = schemas.of_node(node, singles.model.opset_imports)
    assert known is not None  # or it would be fixed
    slots = [
        k
        for k, slot in enumerate(op.inputs)
        if slot.castable and slot.tensor and tensors[slot.tensor].floating
    ]
    names = iter(op.outputs)
    outputs = [
        k
        for k, value in enumerate(node.outputs)
        if value.name and tensors[next(names)].floating
    ]
    return schemas.refusal(node, known, low, slots, outputs)


def _why(op: Op, failed: Mapping[str, str]) -> str:
    for region, message in failed.items():
        if op.within(region) or op.region == region:
            return f"its body can't be run on what it would have had: {message}"
    return "it takes or makes what is no tensor"


def _probe(singles: Singles, executor: Executor, op: Op, low: Precision) -> Probe:
    reference = singles.made(op)
    assert reference is not None
    try:
        single = singles.between_casts(op, low)
        outputs = executor.compile(single.model)(single.inputs)
        if executor.judge is not executor:
            outputs = executor.judge.compile(single.model)(single.inputs)
    except Exception as error:  # whatever a kernel raises means "no kernel"
        return Probe(None, math.inf, shortened(error))
    made = [low if each.dtype == np.float32 else None for each in reference]
    found = compared(reference, _shaped(reference, outputs), made, low)
    return replace(found, message=executor.caveat)


def _shaped(reference: list[Array], outputs: tuple[Array, ...]) -> list[Array]:
    """Runtimes may give a scalar one dimension."""
    return [
        b.reshape(a.shape) if a.size == b.size == 1 else b
        for a, b in zip(reference, outputs, strict=True)
    ]


NOISE = (
    "Exception from",
    "Check '",
    "FrontEnd API failed",
    "Model wasn't fully converted",
    "Summary:",
    "To facilitate",
)
"""How lines begin that say nothing of what is wrong."""


def shortened(error: Exception) -> str:
    """What a runtime says of what is wrong, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(NOISE)]
    return (said or lines or [type(error).__name__])[0].removeprefix("-- ")[:300]
