"""One op in int8 as a model of its own: quantize → op → dequantize."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ....graph.graph import Op, Precision
from ...measuring.timings import Shape
from ...protocol import Timings
from ...quantizing.timing import without_quantizing
from ..ir.naming import Names
from ..ir.weights import DTYPES
from ..measuring.stopwatch import Stopwatch
from ..running.low import Single, Singles
from ..writing.casts import Versions
from ..writing.int8.integral import Integral
from ..writing.int8.opset import LEAST, least, raised
from ..writing.int8.quantized import Quantized


def between_integers(singles: Singles, op: Op, int8: Quantized) -> Single:
    """The op in int8, whose model takes fp32 and returns what the kernel leaves."""
    single = singles.alone(op, Precision.FP32)
    graph = single.model.graph
    (node,) = graph
    tensors = dict(zip(node.outputs, op.outputs, strict=False))
    for value, slot in zip(node.inputs, op.inputs, strict=False):
        if value is not None and slot.tensor is not None:
            tensors[value] = slot.tensor
    versions = Versions(graph, Names((), tensors, {}), singles.graph)
    integral = Integral(versions, int8)
    integral.write(op, node)
    candidate = int8.ops[op.id]
    for value in node.outputs if candidate.made is not Precision.FP32 else ():
        value.type = ir.TensorType(DTYPES[candidate.made])
    if candidate.rounded:
        (made,) = node.outputs
        integral.read_instead(made, integral.rounded(made))
    integral.drop_unused()
    for each in graph:
        each.name = None
    raised(single.model, least([candidate]))
    return single


@dataclass(frozen=True)
class Int8Stopwatch(Stopwatch):
    """Times ops in int8 and what they cost to be reached.

    An op is timed as its runtime runs it between QuantizeLinear and DequantizeLinear:
    what it takes is fp32 and is quantized in there, which is a cast's part of it; what
    it makes is floats. So no op looks faster than it is when it is alone; next to
    another, whose kernel makes integers by itself, it is. A cast is QuantizeLinear from
    fp32; from 16 bits it is two casts, as they are written.
    """

    int8: Quantized

    def timings(self, ops: Set[str]) -> Timings:
        """Of ops in fp32 and in int8, and of all that they take to become integers."""
        graph, fp32, int8 = self.singles.graph, Precision.FP32, Precision.INT8
        found = {
            (op, precision): latency
            for op, pair in self.time_ops(int8, ops).items()
            for precision, latency in pair.items()
        }
        low = {k.input for op in graph.ops for k in op.kernels if k.input.bytes == 2}
        ways = [(source, int8) for source in (fp32, *sorted(low))]
        taken = {n for op in self.int8.ops for n in graph.castable(graph.by_id[op])}
        tensors = [graph.tensors[name] for name in taken]
        shapes = {each.shape for each in tensors if not each.constant}
        casts = {
            (shape, *way): latency
            for shape in sorted(shapes)
            for way, latency in self.time_casts(shape, ways).items()
        }
        return without_quantizing(graph, Timings(found, casts))

    def alone(self, op: Op, precision: Precision) -> Single:
        if precision is Precision.INT8:
            return between_integers(self.singles, op, self.int8)
        return super().alone(op, precision)

    def cast(self, shape: Shape, source: Precision, target: Precision) -> Single:
        if target is not Precision.INT8:
            return super().cast(shape, source, target)
        return _quantizing(shape, source, self.singles.model)


def _quantizing(shape: Shape, source: Precision, model: ir.Model) -> Single:
    """A tensor of a shape to uint8, through fp32 if it is not that."""
    sizes = ir.Shape(shape)
    given = ir.Value(name="x", shape=sizes, type=ir.TensorType(DTYPES[source]))
    wide = ir.node("Cast", [given], {"to": ir.DataType.FLOAT.value})
    ends = [
        ir.Value(
            name=name,
            type=ir.TensorType(ir.DataType.from_numpy(array.dtype)),
            shape=ir.Shape(()),
            const_value=ir.Tensor(array, name=name),
        )
        for name, array in (
            ("scale", np.array(0.02, np.float32)),
            ("zero_point", np.array(0, np.uint8)),
        )
    ]
    cast = source is not Precision.FP32
    taken = wide.outputs[0] if cast else given
    wide.outputs[0].name = "wide"
    small = ir.node("QuantizeLinear", [taken, *ends])
    (made,) = small.outputs
    made.name, made.shape, made.type = "y", sizes, ir.TensorType(ir.DataType.UINT8)
    graph = ir.Graph(
        [given],
        [made],
        nodes=[wide, small] if cast else [small],
        initializers=ends,
        opset_imports={"": max(model.opset_imports[""], LEAST)},
        name="QuantizeLinear",
    )
    array = np.ones(shape, DTYPES[source].numpy())
    return Single(ir.Model(graph, ir_version=model.ir_version), (array,))
