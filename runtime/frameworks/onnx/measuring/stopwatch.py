"""Timing single ops and casts, each distinct one once, as their runtime compiles them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Set
from functools import partial
from typing import TypeVar

import numpy as np
import onnx_ir as ir

from ....common.timing import Clock, Latency, interleaved
from ....graph.graph import Op, Precision
from ..ir.naming import constant
from ..ir.weights import DTYPES
from ..running.session import Executor
from ..running.single import Single, Singles

Key = TypeVar("Key", bound=Hashable)

Pair = Mapping[Precision, Latency]
"""fp32's and the low precision's latency, measured in turn."""

LEAST = 0.05
"""Share of a call that is left to the op when what a call costs is taken off."""


def time_ops(
    singles: Singles,
    executor: Executor,
    precision: Precision,
    ops: Set[str],
    clock: Clock,
    seconds: float,
) -> dict[str, Pair]:
    """Time ops in fp32 and in `precision`, on real inputs; op id → latencies.

    What a call costs besides the op (handing over inputs) is taken off.

    Args:
        seconds: What the timing of one distinct op may take.
    """
    version = _version(singles)
    idle = _idle(executor, version, clock, seconds)
    known: dict[Hashable, Pair] = {}
    found = {}
    for op in singles.graph.ops:
        if op.id not in ops or not singles.ran(op):
            continue
        signature = _signature(singles, op)
        if signature not in known:
            pair = {p: singles.alone(op, p) for p in (Precision.FP32, precision)}
            known[signature] = _timed(pair, executor, clock, seconds, idle)
        found[op.id] = known[signature]
    return found


def time_casts(
    singles: Singles,
    executor: Executor,
    precision: Precision,
    clock: Clock,
    seconds: float,
) -> dict[tuple[tuple[int, ...], Precision, Precision], Latency]:
    """Time the casts of all fp32 tensors down to `precision` and back up."""
    tensors = singles.graph.tensors.values()
    shapes = {t.shape for t in tensors if t.floating and not t.constant}
    version = _version(singles)
    idle = _idle(executor, version, clock, seconds)
    found = {}
    for shape in sorted(shapes):
        ways = {
            (shape, source, target): _cast(shape, source, target, version)
            for source, target in (
                (Precision.FP32, precision),
                (precision, Precision.FP32),
            )
        }
        found.update(_timed(ways, executor, clock, seconds, idle))
    return found


def _timed(
    singles: Mapping[Key, Single],
    executor: Executor,
    clock: Clock,
    seconds: float,
    idle: float,
) -> dict[Key, Latency]:
    calls = {
        str(key): partial(executor.compile(single.model), single.inputs)
        for key, single in singles.items()
    }
    found = interleaved(calls, clock, seconds)
    return {key: _less(found[str(key)], idle) for key in singles}


def _less(latency: Latency, idle: float) -> Latency:
    least = LEAST * latency.median
    return Latency(
        max(latency.median - idle, least),
        max(latency.low - idle, least),
        max(latency.high - idle, least),
        latency.runs,
    )


def _idle(
    executor: Executor, version: tuple[int, int], clock: Clock, seconds: float
) -> float:
    """Seconds of a call that does next to nothing."""
    single = _single("Relu", (1,), Precision.FP32, Precision.FP32, [], version)
    call = partial(executor.compile(single.model), single.inputs)
    return interleaved({"idle": call}, clock, seconds)["idle"].median


def _cast(
    shape: tuple[int, ...],
    source: Precision,
    target: Precision,
    version: tuple[int, int],
) -> Single:
    to = ir.AttrInt64("to", DTYPES[target].value)
    return _single("Cast", shape, source, target, [to], version)


def _single(
    operator: str,
    shape: tuple[int, ...],
    source: Precision,
    target: Precision,
    attributes: list[ir.Attr],
    version: tuple[int, int],
) -> Single:
    sizes = ir.Shape(shape)
    given = ir.Value(name="x", shape=sizes, type=ir.TensorType(DTYPES[source]))
    made = ir.Value(name="y", shape=sizes, type=ir.TensorType(DTYPES[target]))
    node = ir.Node("", operator, [given], attributes, outputs=[made])
    opset, ir_version = version
    graph = ir.Graph(
        [given], [made], nodes=[node], opset_imports={"": opset}, name=operator
    )
    array = np.ones(shape, DTYPES[source].numpy())
    return Single(ir.Model(graph, ir_version=ir_version), (array,))


def _version(singles: Singles) -> tuple[int, int]:
    """Opset and IR version of the model."""
    return singles.model.opset_imports[""], singles.model.ir_version


def _signature(singles: Singles, op: Op) -> Hashable:
    """Operator, attributes, and what is known of each input before it runs."""
    node, tensors = singles.nodes[op.id], singles.graph.tensors
    given = tuple(
        None
        if slot.tensor is None
        else (
            tensors[slot.tensor].dtype,
            tensors[slot.tensor].shape,
            value is not None and constant(value) is not None,
        )
        for value, slot in zip(node.inputs, op.inputs, strict=False)
    )
    attributes = tuple(sorted(f"{k}={v.value}" for k, v in node.attributes.items()))
    return (node.op_type, attributes, given, len(node.outputs))
