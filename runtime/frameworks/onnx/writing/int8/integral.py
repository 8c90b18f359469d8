"""QuantizeLinear and DequantizeLinear around the ops of a model that are in int8.

A tensor is quantized once for all ops that take it so, from fp32: 16 bits are widened
first, which is faster in the runtimes than to quantize them as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from .....graph.graph import Op, Precision
from ....quantizing.scaling import Floats, WeightScales, bias_steps
from ...ir.naming import constant
from ...ir.weights import DTYPES, register, rounded_tensor
from ..casts import Versions
from .candidate import Candidate
from .dynamic import Dynamic
from .filled import fill
from .quantized import Quantized
from .stored import stored


class Integral:
    """Writes what int8 ops take into a model that is being rewritten."""

    def __init__(self, versions: Versions, quantized: Quantized) -> None:
        self.versions, self.quantized = versions, quantized
        self._small: dict[ir.Value, ir.Value] = {}
        self._rounded: dict[tuple[ir.Value, Precision], ir.Value] = {}
        self._registered: dict[tuple[object, ...], tuple[ir.Value, list[ir.Value]]] = {}
        self._constants: dict[tuple[object, ...], ir.Value] = {}
        self._passed: dict[ir.Value, None] = {}
        self._dynamic = Dynamic(versions)

    def write(self, op: Op, node: ir.Node) -> None:
        """Let an op's node be in int8; it takes and makes what its kernel leaves."""
        candidate = self.quantized.ops[op.id]
        if not candidate.taken:
            weight = node.inputs[1]
            scales = self._weight_scales(op, candidate, node.inputs)
            assert weight is not None and scales is not None
            self._dynamic.write(node, scales)
            self._passed[weight] = None
            return
        weight = node.inputs[1]
        for k, value in enumerate(self._inputs(op, candidate, node)):
            node.replace_input_with(k, value)
        if candidate.filled and weight is not None:
            fill(node, _stored(weight).shape.numpy()[0], self.versions)

    def _inputs(
        self, op: Op, candidate: Candidate, node: ir.Node
    ) -> list[ir.Value | None]:
        """What an op takes in int8: floats that stand for integers."""
        given = list(node.inputs)
        scales = self._weight_scales(op, candidate, given)
        for k, value in enumerate(node.inputs):
            if value is None:
                continue
            if k in candidate.taken:
                given[k] = self.rounded(value, candidate.made)
            elif scales is not None and k == candidate.bias:
                given[k] = self._bias(value, candidate, scales)
            elif scales is not None and candidate.is_weight(k):
                integers = stored(_stored(value), scales)
                given[k] = self._constant(value, integers, scales, candidate.made)
            elif self.versions.floating(value):
                given[k] = self.versions.version(value, candidate.made)
        return given

    def rounded(
        self, value: ir.Value, precision: Precision = Precision.FP32
    ) -> ir.Value:
        """A value as its integers have it, made once in each precision."""
        key = value, precision
        if key not in self._rounded:
            small = self._integers(value)
            maker = small.producer()
            assert maker is not None
            ends = [end for end in maker.inputs[1:] if end is not None]
            name = str(value.name)
            self._rounded[key] = self._dequantized(small, ends, name, None, precision)
        return self._rounded[key]

    def _integers(self, value: ir.Value) -> ir.Value:
        """A value's integers, made once."""
        if value not in self._small:
            scale = self.quantized.scales[self.versions.names.tensors[value]]
            name, dtype = str(value.name), np.dtype(scale.dtype)
            ends = self._ends(
                name, np.float32(scale.scale), np.array(scale.zero_point, dtype)
            )
            wide = self.versions.version(value, Precision.FP32)
            kind = ir.DataType.from_numpy(dtype)
            self._small[value] = self._behind(
                wide, "QuantizeLinear", [wide, *ends], f"{name}_{dtype}", kind
            )
        return self._small[value]

    def read_instead(
        self, value: ir.Value, instead: ir.Value, but: Collection[ir.Node] = ()
    ) -> None:
        """Let what reads a value read another that was made of it.

        Args:
            but: Nodes that make it, beside those that `rounded` put there.
        """
        own = {*but, *_makers(self.rounded(value), value)}
        for user, index in list(value.uses()):
            if user not in own:
                user.replace_input_with(index, instead)
        outputs = self.versions.main.outputs
        if value in outputs:
            name = str(value.name)
            value.name, instead.name = self.versions.named(f"{name}_float"), name
            outputs[:] = [instead if each is value else each for each in outputs]
        self.versions.main.sort()

    def drop_unused(self) -> None:
        """Take away the fp32 weights that nothing reads any more."""
        for value in self._passed:
            used = value.uses() or value.is_graph_output()
            if value.graph is not None and not used:
                del value.graph.initializers[str(value.name)]

    def _weight_scales(
        self, op: Op, candidate: Candidate, given: Sequence[ir.Value | None]
    ) -> WeightScales | None:
        if candidate.weight is None:
            return None
        bias: Floats | None = None
        if candidate.bias is not None:
            bias = _stored(given[candidate.bias]).numpy() / self._step(candidate)
        stored = _stored(given[candidate.weight.slot])
        return self.quantized.weight(op.id, stored, bias)

    def _step(self, candidate: Candidate) -> np.float32:
        """The scale of the activation that an op with a weight takes."""
        ((tensor, _wanted),) = candidate.taken.values()
        return np.float32(self.quantized.scales[tensor].scale)

    def _bias(
        self, value: ir.Value, candidate: Candidate, weight: WeightScales
    ) -> ir.Value:
        """A bias as 32 bits in the scale of the sum that it is added to."""
        scales = np.asarray(weight.scales * self._step(candidate), np.float32)
        zeros = np.zeros(scales.shape, np.int32)
        steps = ir.Tensor(bias_steps(_stored(value).numpy(), scales))
        axis = None if weight.axis is None else 0
        return self._constant(value, steps, WeightScales(scales, zeros, axis))

    def _constant(
        self,
        value: ir.Value,
        stored: ir.TensorProtocol,
        how: WeightScales,
        precision: Precision = Precision.FP32,
    ) -> ir.Value:
        """A constant as integers, once for all that take it in the same scales."""
        scales, zeros = how.scales.tobytes(), how.zeros.tobytes()
        key = (value, how.axis, scales, zeros)
        name = str(value.name)
        if key not in self._registered:
            ends = self._ends(name, how.scales, how.zeros)
            label = self.versions.named(f"{name}_{how.zeros.dtype}")
            small = _registered(self.versions.main, stored, label)
            self._registered[key] = small, ends
            self._passed[value] = None
        small, ends = self._registered[key]
        if (key, precision) not in self._constants:
            self._constants[key, precision] = self._dequantized(
                small, ends, name, how.axis, precision
            )
        return self._constants[key, precision]

    def _ends(
        self, name: str, scales: npt.ArrayLike, zeros: npt.NDArray[Any]
    ) -> list[ir.Value]:
        """The scale and the zero point of a tensor as initializers."""
        pairs = (("scale", np.asarray(scales, np.float32)), ("zero_point", zeros))
        return [
            register(
                self.versions.main,
                ir.Tensor(array, name=self.versions.named(f"{name}_{label}")),
            )
            for label, array in pairs
        ]

    def _dequantized(
        self,
        small: ir.Value,
        ends: Sequence[ir.Value],
        name: str,
        axis: int | None,
        precision: Precision,
    ) -> ir.Value:
        attributes = [] if axis is None else [ir.AttrInt64("axis", axis)]
        return self._behind(
            small,
            "DequantizeLinear",
            [small, *self._in_precision(ends, precision)],
            f"{name}_dequantized",
            DTYPES[precision],
            attributes,
        )

    def _in_precision(
        self, ends: Sequence[ir.Value], precision: Precision
    ) -> Sequence[ir.Value]:
        """The same scale in a precision that holds it, and the zero point."""
        if precision is Precision.FP32:
            return ends
        scale, *zero = ends
        tensor = rounded_tensor(_stored(scale), precision)
        tensor.name = self.versions.named(f"{scale.name}_{precision}")
        return [register(self.versions.main, tensor), *zero]

    def _behind(
        self,
        value: ir.Value,
        operator: str,
        inputs: Sequence[ir.Value],
        near: str,
        dtype: ir.DataType,
        attributes: Sequence[ir.Attr] = (),
    ) -> ir.Value:
        """What a new node makes that stands right behind what makes `value`."""
        made = ir.Value(
            name=self.versions.named(near),
            type=ir.TensorType(dtype),
            shape=None if value.shape is None else value.shape.copy(),
        )
        node = ir.Node(
            "", operator, inputs, attributes, outputs=[made], name=str(made.name)
        )
        self.versions.put_behind(value, node)
        return made


def _stored(value: ir.Value | None) -> ir.TensorProtocol:
    stored = None if value is None else constant(value)
    assert stored is not None  # or the op would be no candidate
    return stored


def _registered(graph: ir.Graph, tensor: ir.TensorProtocol, name: str) -> ir.Value:
    """The value of a new initializer of that name."""
    value = ir.Value(
        name=name,
        type=ir.TensorType(tensor.dtype),
        shape=ir.Shape(tensor.shape.numpy()),
        const_value=tensor,
    )
    graph.register_initializer(value)
    return value


def _makers(value: ir.Value, source: ir.Value) -> Iterator[ir.Node]:
    """The nodes between a value and its source, both of one input that counts."""
    while value is not source:
        node = value.producer()
        assert node is not None
        yield node
        (value, *_ends) = (each for each in node.inputs if each is not None)
