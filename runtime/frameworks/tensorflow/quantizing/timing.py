"""Latencies of ops in int8, and of what makes integers for them.

An op is timed as it runs between QuantizeV2 and Dequantize, with its bias and its ReLU:
what it takes and makes is fp32, and quantizing that is a cast's part of it. So no op
looks faster than it is when it is alone; next to another, whose kernel makes integers by
itself, it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from ....common.timing import Clock, Latency
from ....graph.graph import Graph, Precision
from ...protocol import Array, Inputs, Timings
from ...quantizing.quantization import Scale
from ...quantizing.timing import without_quantizing
from ..ir.int8.candidate import Candidate, Quantized
from ..ir.naming import data
from ..ir.protos import NodeDef
from ..ir.regions import Region
from ..ir.schemas import TYPES
from ..ir.weights import value_of
from ..measuring.stopwatch import Piece, in_turn
from ..running import eager
from ..running.interpreter import Interpreter, Value
from ..writing.int8 import nodes
from .alone import Alone, alone, channels_of, graph_nodes

FP32, INT8 = Precision.FP32, Precision.INT8


def int8_timings(
    graph: Graph,
    main: Region,
    batch: Inputs,
    weights: Mapping[str, Array],
    int8: Quantized,
    ops: Set[str],
    clock: Clock,
    seconds: float,
) -> Timings:
    """Of ops in fp32 and in int8, and of all that they take to become integers."""
    watch = _Watch(main, weights, graph, int8, ops, clock, seconds)
    watch.run(batch)
    low = {k.input for op in graph.ops for k in op.kernels if k.input.bytes == 2}
    taken = {each.taken for each in int8.ops.values()}
    shapes = {graph.tensors[name].shape for name in taken}
    casts: dict[tuple[tuple[int, ...], Precision, Precision], Latency] = {}
    for shape in sorted(shapes):
        ways = {str(p): _quantizing(shape, p) for p in (FP32, *sorted(low))}
        found = in_turn(ways, clock, seconds)
        casts |= {(shape, p, INT8): found[str(p)] for p in (FP32, *sorted(low))}
    return without_quantizing(graph, Timings(watch.found, casts))


def _piece(node: Any, values: Mapping[str, Value]) -> Piece:
    """A node that takes these values, and what others before it make."""
    references = data(node)
    return Piece(
        node,
        [values.get(each, tf.zeros(())) for each in references],
        [None if each in values else each for each in references],
    )


def _quantizing(shape: tuple[int, ...], source: Precision) -> list[Piece]:
    scale = Scale(1 / 255, 0, "uint8")
    found = [_piece(each, {}) for each in nodes.range_nodes("q", scale)]
    given, reference = eager.cast(tf.ones(shape), source), "x"
    if source is not FP32:
        wide = NodeDef(name="wide", op="Cast", input=["x"])
        wide.attr["SrcT"].type, wide.attr["DstT"].type = TYPES[source], TYPES[FP32]
        found.append(_piece(wide, {"x": given}))
        reference = "wide"
    node = nodes.quantize("q", reference, ("q/low", "q/high"), scale)
    return [*found, _piece(node, {"x": given})]


@dataclass(eq=False)
class _Watch(Interpreter):
    """Times ops as the model comes to them, each distinct one once."""

    found: dict[tuple[str, Precision], Latency] = field(default_factory=dict)

    def __init__(
        self,
        main: Region,
        weights: Mapping[str, Array],
        graph: Graph,
        int8: Quantized,
        ops: Set[str],
        clock: Clock,
        seconds: float,
    ) -> None:
        super().__init__(main, weights)
        self.graph, self.int8, self.ops = graph, int8, ops
        self.clock, self.seconds = clock, seconds
        self.known: dict[tuple[Alone, bool], dict[str, Latency]] = {}
        self.found = {}

    def run_op(self, region: Region, node: Any, values: list[Value]) -> list[Value]:
        op = self.int8.ops.get(node.name) if not region.id else None
        if op is not None and node.name in self.ops:
            self._time(region, op, node, values)
        return super().run_op(region, node, values)

    def _time(
        self, region: Region, op: Candidate, node: Any, values: list[Value]
    ) -> None:
        wanted = (op.taken, op.tensors[-1], op.added)
        scales = [self.int8.scales[name] for name in wanted if name]
        z = tf.zeros(self.graph.tensors[op.added].shape if op.added else ())
        shapes = [tuple(each.shape) for each in values]
        form = alone(node, op, shapes, (scales[0].dtype, scales[1].dtype))
        bias = (
            value_of(region.by_name[op.bias])
            if op.bias
            else tf.zeros(channels_of(form)).numpy()
        )
        key = form, bool(op.bias)
        if key not in self.known:
            weight = value_of(region.by_name[op.weight])
            weight = weight.T if op.turned else weight
            low = graph_nodes(form, weight, bias, scales)
            self.known[key] = in_turn(
                {
                    "fp32": self._floats(region, op, values, bias, z),
                    "int8": [_piece(each, {"x": values[0], "z": z}) for each in low],
                },
                self.clock,
                self.seconds,
            )
        for name in op.chain:
            first = name == op.chain[0]
            for precision, said in ((FP32, "fp32"), (INT8, "int8")):
                latency = self.known[key][said] if first else Latency(0.0, 0.0, 0.0, 1)
                if first or name in self.ops:
                    self.found[name, precision] = latency

    def _floats(
        self,
        region: Region,
        op: Candidate,
        values: list[Value],
        bias: Array,
        added: Value,
    ) -> list[Piece]:
        first, *others = (region.by_name[name] for name in op.chain)
        given = dict(zip(data(first), values, strict=True)) | {op.added: added}
        if op.bias:
            given[op.bias] = tf.constant(bias)
        return [_piece(each, given) for each in (first, *others)]
