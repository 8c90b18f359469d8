"""Which ops a runtime computes in a low precision: each was run, on real inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace

import numpy as np
import onnx_ir as ir

from ....graph.graph import Kind, Op, Precision
from ...comparing import compared
from ...protocol import Array, Probe
from ..ir import schemas
from ..ir.quantized.parts import coarse
from ..running.low import Singles, together
from ..running.session import Executor, shortened


def probe(
    singles: Singles,
    executor: Executor,
    low: Precision,
    failed: Mapping[str, str],
    rounded: Set[ir.Node] = frozenset(),
) -> dict[str, Probe]:
    """Run every op that could be low alone, and hold it against fp32; op id → probe.

    An operator whose schema has no such type is not tried: the file would not be valid.

    Args:
        failed: Region that could not be run → why.
        rounded: Nodes that would be in fp32 all the same (`quantized.between`).
    """
    found: dict[str, Probe] = {}
    tried: list[Op] = []
    for op in singles.graph.ops:
        if op.kind is Kind.FIXED:
            continue
        node = singles.nodes[op.id]
        refused = ROUNDED if node in rounded else ""
        refused = refused or _refusal(singles, op, low)
        if not refused and coarse(node, low):
            refused = f"its scale is below what {low} holds with all of its bits"
        if refused:
            found[op.id] = Probe(None, math.inf, refused)
        elif not singles.ran(op):
            found[op.id] = Probe(None, math.inf, _why(op, failed))
        else:
            tried.append(op)
    for group in groups(singles, tried):
        found.update(_probe(singles, executor, group, low))
    return found


ROUNDED = (
    "what it takes is dequantized and what it makes is quantized at once, in a form that "
    "has no int8 kernel either"
)

TOGETHER = 32
"""Ops that are compiled at once: most have a kernel, and compiling takes longest."""

HEAVY = 1 << 24
"""Bytes of tensors beyond which ops are compiled apart: memory is short then."""


def groups(singles: Singles, ops: Sequence[Op]) -> Iterator[list[Op]]:
    """Ops to compile at once: many small ones, or one large."""
    group: list[Op] = []
    held = 0
    for op in ops:
        size = _bytes(singles, op)
        if group and (len(group) == TOGETHER or held + size > HEAVY):
            yield group
            group, held = [], 0
        group.append(op)
        held += size
    if group:
        yield group


def _bytes(singles: Singles, op: Op) -> int:
    """Of all that an op takes and makes."""
    names = (*(slot.tensor for slot in op.inputs), *op.outputs)
    tensors = (singles.graph.tensors[name] for name in names if name is not None)
    return sum(each.elements * each.itemsize for each in tensors)


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


def _probe(
    singles: Singles, executor: Executor, ops: Sequence[Op], low: Precision
) -> dict[str, Probe]:
    """Run ops side by side; where one fails, in two halves."""
    single = together([singles.between_casts(op, low) for op in ops])
    try:
        outputs = executor.compile_part(single.model)(single.inputs)
        if executor.judge is not executor:
            outputs = executor.judge.compile_part(single.model)(single.inputs)
    except Exception as error:  # whatever a kernel raises means "no kernel"
        if len(ops) == 1:
            return {ops[0].id: Probe(None, math.inf, shortened(error))}
        middle = len(ops) // 2
        first = _probe(singles, executor, ops[:middle], low)
        return first | _probe(singles, executor, ops[middle:], low)
    found, made = {}, iter(outputs)
    for op in ops:
        reference = singles.made(op)
        assert reference is not None
        low_outputs = [next(made) for _ in reference]
        precisions = [low if each.dtype == np.float32 else None for each in reference]
        probe = compared(reference, shaped(reference, low_outputs), precisions, low)
        found[op.id] = replace(probe, message=executor.caveat)
    return found


def shaped(reference: list[Array], outputs: list[Array]) -> list[Array]:
    """Runtimes may give a scalar one dimension."""
    return [
        b.reshape(a.shape) if a.size == b.size == 1 else b
        for a, b in zip(reference, outputs, strict=True)
    ]
