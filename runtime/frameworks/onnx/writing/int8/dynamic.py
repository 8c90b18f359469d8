"""Products whose activations get their scales as the model runs.

DynamicQuantizeLinear → MatMulInteger, and what that makes times both scales: runtimes
that have such a kernel make one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import onnx_ir as ir

from .....graph.graph import Precision
from ....quantizing.scaling import WeightScales
from ...ir.naming import constant
from ...ir.weights import register
from ..casts import Versions
from .stored import stored as in_integers

Attributes = Mapping[str, int]


class Dynamic:
    """Writes such products into a model that is being rewritten."""

    def __init__(self, versions: Versions) -> None:
        self.versions = versions
        self._found: dict[ir.Value, list[ir.Value]] = {}
        self._weights: dict[tuple[ir.Value, bool, bytes], list[ir.Value]] = {}

    def write(self, node: ir.Node, how: WeightScales) -> None:
        """Let a MatMul or Gemm, which stays the node of that output, be so.

        Args:
            how: Of its weight.
        """
        data, weight, *bias = node.inputs
        assert data is not None and weight is not None
        turned = bool(node.attributes.get_int("transB", 0))
        small, scale, zero = self._quantized(data)
        own, scales, *zeros = self._weight(weight, how, turned)
        product = self._before(node, "MatMulInteger", [small, own, zero, *zeros])
        wide = self._before(node, "Cast", [product], {"to": ir.DataType.FLOAT.value})
        both = self._before(node, "Mul", [scale, scales])
        added = [value for value in bias if value is not None]
        taken = [wide, both]
        if added:
            taken = [self._before(node, "Mul", taken), *added]
        node.op_type = "Add" if added else "Mul"
        node.attributes.clear()
        node.resize_inputs(2)
        for k, value in enumerate(taken):
            node.replace_input_with(k, value)

    def _quantized(self, value: ir.Value) -> list[ir.Value]:
        """A value as uint8, its scale and its zero point, once for all that take it."""
        if value not in self._found:
            types = (ir.DataType.UINT8, ir.DataType.FLOAT, ir.DataType.UINT8)
            made = [
                self._new(f"{value.name}_{label}", dtype)
                for label, dtype in zip(
                    ("uint8", "scale", "zero_point"), types, strict=True
                )
            ]
            wide = self.versions.version(value, Precision.FP32)
            operator = "DynamicQuantizeLinear"
            node = ir.Node("", operator, [wide], outputs=made, name=str(made[0].name))
            self.versions.put_behind(wide, node)
            self._found[value] = made
        return self._found[value]

    def _weight(
        self, value: ir.Value, how: WeightScales, turned: bool
    ) -> list[ir.Value]:
        """A weight as integers, its scales, and its zero points if it has some."""
        key = (value, turned, how.scales.tobytes() + how.zeros.tobytes())
        if key not in self._weights:
            self._weights[key] = list(self._stored(value, how, turned))
        return self._weights[key]

    def _stored(
        self, value: ir.Value, how: WeightScales, turned: bool
    ) -> Iterator[ir.Value]:
        stored = constant(value)
        assert stored is not None  # or the op would be no candidate
        made = in_integers(stored, how)
        arrays = {str(how.zeros.dtype): _turned(made) if turned else made}
        arrays["scale"] = ir.Tensor(how.scales)
        if how.zeros.any():
            arrays["zero_point"] = ir.Tensor(how.zeros)
        for label, tensor in arrays.items():
            tensor.name = self.versions.named(f"{value.name}_{label}")
            yield register(self.versions.main, tensor)

    def _before(
        self,
        node: ir.Node,
        operator: str,
        inputs: Sequence[ir.Value],
        attributes: Attributes | None = None,
    ) -> ir.Value:
        made = ir.node(operator, inputs, attributes)
        made.outputs[0].name = self.versions.named(
            f"{node.outputs[0].name}_{operator.lower()}"
        )
        made.name = made.outputs[0].name
        node.prepend(made)
        return made.outputs[0]

    def _new(self, name: str, dtype: ir.DataType) -> ir.Value:
        return ir.Value(name=self.versions.named(name), type=ir.TensorType(dtype))


def _turned(tensor: ir.LazyTensor) -> ir.LazyTensor:
    """The tensor with its two axes exchanged, made whenever it is read."""
    rows, columns = tensor.shape.numpy()

    def make() -> ir.Tensor:
        return ir.Tensor(np.ascontiguousarray(tensor.numpy().T))

    return ir.LazyTensor(make, dtype=tensor.dtype, shape=ir.Shape((columns, rows)))
