"""QLinearConv and its like, written as floats between DequantizeLinear and QuantizeLinear.

Every runtime with int8 kernels finds them in that form. As they are, OpenVINO computes
some wrong (scales per channel), in floats, or not at all; TensorRT knows none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from ..quantized.integers import CONTRIBUTED
from ..quantized.origins import BYTES
from .editing import Editor, constant_of, editor

PER_AXIS = 13
"""The first opset whose DequantizeLinear takes a scale for each channel."""

AXES_ARE_ONE = 13
"""The first opset whose Softmax is over one axis."""


def write_qdq(
    model: ir.Model, editor: Editor, besides: Set[str] = frozenset()
) -> dict[str, int]:
    """Write such ops of a model anew, in place; a form that is not known stays.

    Args:
        besides: Operators that stay.

    Returns:
        Operator → how many were written anew.
    """
    found: dict[str, int] = {}
    opset = int(model.opset_imports.get("", 1))
    for graph in model.graphs():
        for node in list(graph):
            spell = SPELLINGS.get((node.domain, node.op_type))
            if spell is None or node.op_type in besides:
                continue
            operator = node.op_type
            if spell(_Pen(node, editor, opset)):
                found[operator] = found.get(operator, 0) + 1
    return found


def in_qdq(model: ir.Model, besides: Set[str] = frozenset()) -> ir.Model:
    """A copy in which such ops are written anew; the model itself if it has none."""
    names = {node.op_type for node in model.graph.all_nodes()}
    if not names & ({operator for _domain, operator in SPELLINGS} - besides):
        return model
    copy = model.clone()
    write_qdq(copy, editor(copy), besides)
    return copy


@dataclass(frozen=True)
class _Pen:
    """One node while it is written."""

    node: ir.Node
    editor: Editor
    opset: int

    def given(self, index: int) -> ir.Value | None:
        """An input, None if it is left out."""
        return self.node.inputs[index] if index < len(self.node.inputs) else None

    def floats(self, first: int, axis: int | None = None) -> ir.Value | None:
        """Inputs `first` to `first + 2`, integers, scale, zero point, as floats.

        Args:
            axis: That a scale of one dimension is for.

        Returns:
            None if there is no such form.
        """
        data, scale = self.given(first), self.given(first + 1)
        if data is None or scale is None:
            return None
        return self.dequantized(data, scale, self.given(first + 2), axis)

    def dequantized(
        self,
        data: ir.Value,
        scale: ir.Value,
        zero: ir.Value | None,
        axis: int | None,
    ) -> ir.Value | None:
        """Integers as floats, None if there is no such form."""
        given = [data, scale] if zero is None else [data, scale, zero]
        if _is_one(scale):
            return self.editor.inserted(self.node, "DequantizeLinear", given)
        if axis is None or scale.shape is None or len(scale.shape) != 1:
            return None
        if self.opset >= PER_AXIS:
            at = {"axis": axis}
            return self.editor.inserted(self.node, "DequantizeLinear", given, at)
        return self._scaled(data, scale, zero, axis)

    def _scaled(
        self, data: ir.Value, scale: ir.Value, zero: ir.Value | None, axis: int
    ) -> ir.Value | None:
        """A weight whose channels have scales, where DequantizeLinear takes only one."""
        stored, factors = constant_of(data), constant_of(scale)
        offsets = None if zero is None else constant_of(zero)
        if stored is None or factors is None or (offsets is not None and _any(offsets)):
            return None
        sides = [1] * len(stored.shape)
        sides[axis] = -1
        each = self.constant(factors.numpy().reshape(sides), "scale")
        one = self.constant(np.array(1, np.float32), "one")
        whole = self.editor.inserted(self.node, "DequantizeLinear", [data, one])
        return self.editor.inserted(self.node, "Mul", [whole, each])

    def bias(
        self, index: int, scales: Iterable[int], factor: float = 1.0
    ) -> ir.Value | None:
        """Input `index`, 32 bits in the product of the scales that are other inputs."""
        data = self.given(index)
        known = [constant_of(self.given(each)) for each in scales]
        tensors = [tensor.numpy() for tensor in known if tensor is not None]
        if data is None or len(tensors) < len(known):
            return None
        product: npt.NDArray[np.float32] = np.asarray(factor, np.float32)
        for tensor in tensors:
            product = product * tensor
        if product.size == 1:
            product = product.reshape(())
        rank = 1 if data.shape is None else len(data.shape)
        scale = self.constant(product.astype(np.float32), "bias_scale")
        return self.dequantized(data, scale, None, rank - 1)

    def constant(self, values: npt.NDArray[np.generic], what: str) -> ir.Value:
        graph = self.node.graph
        assert isinstance(graph, ir.Graph)
        near = f"{self.node.outputs[0].name}_{what}"
        return self.editor.constant(graph, values, near)

    def ends(
        self,
        operator: str,
        given: Sequence[ir.Value | None],
        scale: ir.Value | None,
        zero: ir.Value | None,
        *without: str,
    ) -> bool:
        """Let the node quantize what `operator` makes of floats; it has its attributes.

        Args:
            scale: Of the output, None where that is floats.
            without: Attributes that the operator has not.

        Returns:
            Whether it could be written: all floats are there.
        """
        inputs = [value for value in given if value is not None]
        if len(inputs) < len(given):
            return False
        kept = {k: a for k, a in self.node.attributes.items() if k not in without}
        if scale is None:
            self._becomes(operator, inputs, kept)
            return True
        made = self.editor.inserted(self.node, operator, inputs, kept)
        made.type = ir.TensorType(ir.DataType.FLOAT)
        made.shape = self.node.outputs[0].shape
        producer, self.node.name = made.producer(), f"{self.node.name}_quantized"
        assert producer is not None
        producer.name = self.node.name.removesuffix("_quantized")
        self._becomes("QuantizeLinear", [made, scale, zero or self._no_zero()], {})
        return True

    def _no_zero(self) -> ir.Value:
        """The zero point that is left out, in the type of what the node takes."""
        (dtype,) = {v.dtype for v in self.node.inputs if v and v.dtype in BYTES} or {
            ir.DataType.UINT8
        }
        return self.constant(np.array(0, dtype.numpy()), "zero")

    def _becomes(
        self,
        operator: str,
        inputs: list[ir.Value],
        attributes: Mapping[str, ir.Attr],
    ) -> None:
        self.node.op_type, self.node.domain = operator, ""
        self.node.attributes.clear()
        self.node.attributes.update(attributes)
        self.node.resize_inputs(len(inputs))
        for index, value in enumerate(inputs):
            self.node.replace_input_with(index, value)


def _is_one(scale: ir.Value) -> bool:
    tensor = constant_of(scale)
    if tensor is not None:
        return bool(tensor.size == 1)
    return scale.shape is not None and all(size == 1 for size in scale.shape.dims)


def _any(tensor: ir.TensorProtocol) -> bool:
    return bool(np.any(tensor.numpy()))


def _conv(pen: _Pen) -> bool:
    """x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, B."""
    if pen.node.attributes.get_int("channels_last", 0):
        return False
    given = [pen.floats(0), pen.floats(3, axis=0)]
    if pen.given(8) is not None:
        given.append(pen.bias(8, (1, 4)))
    return pen.ends("Conv", given, pen.given(6), pen.given(7), "channels_last")


def _matmul(pen: _Pen) -> bool:
    """a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero."""
    given = [pen.floats(0, axis=-2), pen.floats(3, axis=-1)]
    return pen.ends("MatMul", given, pen.given(6), pen.given(7))


def _gemm(pen: _Pen) -> bool:
    """A, a_scale, a_zero, B, b_scale, b_zero, C, y_scale, y_zero."""
    transposed = pen.node.attributes.get_int("transB", 0)
    alpha = float(pen.node.attributes.get_float("alpha", 1.0))
    given = [pen.floats(0), pen.floats(3, axis=0 if transposed else 1)]
    if pen.given(6) is not None:
        given.append(pen.bias(6, (1, 4), alpha))
    return pen.ends("Gemm", given, pen.given(7), pen.given(8))


def _binary(operator: str) -> Callable[[_Pen], bool]:
    """A, a_scale, a_zero, B, b_scale, b_zero, c_scale, c_zero."""

    def spell(pen: _Pen) -> bool:
        given = [pen.floats(0), pen.floats(3)]
        return pen.ends(operator, given, pen.given(6), pen.given(7))

    return spell


def _unary(operator: str) -> Callable[[_Pen], bool]:
    """X, x_scale, x_zero, y_scale, y_zero."""

    def spell(pen: _Pen) -> bool:
        if pen.node.attributes.get_int("channels_last", 0):
            return False
        scale, zero = pen.given(3), pen.given(4)
        return pen.ends(operator, [pen.floats(0)], scale, zero, "channels_last")

    return spell


def _softmax(pen: _Pen) -> bool:
    """As `_unary`; `opset` says whether it is over one axis or all behind it."""
    axis, data = pen.node.attributes.get_int("axis", -1), pen.given(0)
    last = data is not None and data.shape is not None and axis == len(data.shape) - 1
    both = min(pen.node.attributes.get_int("opset", 1), pen.opset)
    if axis != -1 and not last and both < AXES_ARE_ONE:
        return False
    scale, zero = pen.given(3), pen.given(4)
    return pen.ends("Softmax", [pen.floats(0)], scale, zero, "opset")


def _concat(pen: _Pen) -> bool:
    """y_scale, y_zero, then integers, scale and zero point of each."""
    given = [pen.floats(first) for first in range(2, len(pen.node.inputs), 3)]
    return pen.ends("Concat", given, pen.given(0), pen.given(1))


SPELLINGS: Mapping[tuple[str, str], Callable[[_Pen], bool]] = {
    ("", "QLinearConv"): _conv,
    ("", "QLinearMatMul"): _matmul,
    (CONTRIBUTED, "QGemm"): _gemm,
    (CONTRIBUTED, "QLinearAdd"): _binary("Add"),
    (CONTRIBUTED, "QLinearAveragePool"): _unary("AveragePool"),
    (CONTRIBUTED, "QLinearConcat"): _concat,
    (CONTRIBUTED, "QLinearConv"): _conv,
    (CONTRIBUTED, "QLinearGlobalAveragePool"): _unary("GlobalAveragePool"),
    (CONTRIBUTED, "QLinearLeakyRelu"): _unary("LeakyRelu"),
    (CONTRIBUTED, "QLinearMul"): _binary("Mul"),
    (CONTRIBUTED, "QLinearSigmoid"): _unary("Sigmoid"),
    (CONTRIBUTED, "QLinearSoftmax"): _softmax,
}
"""Domain and operator → what writes it."""
