"""One op of a model as a model of its own, in fp32 or in a low precision."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx_ir as ir

from ....graph.graph import Graph, Op, Precision, Slot
from ....graph.rounding import within_range
from ...protocol import Array
from ..ir.naming import constant
from ..ir.weights import DTYPES, rounded_tensor, within_attributes


@dataclass(frozen=True)
class Single:
    """A model of one op, and what it was given on the batch."""

    model: ir.Model
    inputs: tuple[Array, ...]


@dataclass(frozen=True)
class Singles:
    """Makes models of single ops.

    Attributes:
        model: The prepared model.
        nodes: Op id → its node in there.
        values: Tensor → what it was on the batch, when it was first made.
        far: Tensors that casts keep within the range of 16 bits.
    """

    model: ir.Model
    graph: Graph
    nodes: Mapping[str, ir.Node]
    values: Mapping[str, Array]
    far: Collection[str] = ()

    def made(self, op: Op) -> list[Array] | None:
        """What the op made on the batch; None if it never ran."""
        found = [self.values[name] for name in op.outputs if name in self.values]
        return found if len(found) == len(op.outputs) else None

    def ran(self, op: Op) -> bool:
        """Whether all that the op takes and makes is known."""
        taken = (slot.tensor for slot in op.inputs)
        tensors = self.graph.tensors
        return self.made(op) is not None and all(
            name is None or name in self.values or tensors[name].constant
            for name in taken
        )

    def between_casts(self, op: Op, precision: Precision) -> Single:
        """The op in `precision` with casts around it: fp32 in, fp32 out."""
        return _Part(self, op, precision).build(_Casting())

    def alone(self, op: Op, precision: Precision) -> Single:
        """The op in `precision`, whose model takes and returns that."""
        return _Part(self, op, precision).build(_Bare())


def together(singles: Sequence[Single]) -> Single:
    """The models of several ops as one, side by side."""
    inputs: list[ir.Value] = []
    outputs: list[ir.Value] = []
    nodes: list[ir.Node] = []
    weights: list[ir.Value] = []
    for k, single in enumerate(singles):
        graph = single.model.graph.clone()
        made = [value for node in graph for value in node.outputs if value.name]
        for value in (*graph.inputs, *graph.initializers.values(), *made):
            value.name = f"{k}.{value.name}"
        own = list(graph)
        weights.extend(graph.initializers.values())
        inputs.extend(list(graph.inputs))
        outputs.extend(list(graph.outputs))
        graph.initializers.clear()
        graph.inputs.clear()
        graph.outputs.clear()
        graph.remove(own)
        nodes += own
    first = singles[0].model
    graph = ir.Graph(
        inputs,
        outputs,
        nodes=nodes,
        initializers=weights,
        opset_imports=dict(first.opset_imports),
        name="together",
    )
    arrays = tuple(array for single in singles for array in single.inputs)
    return Single(ir.Model(graph, ir_version=first.ir_version), arrays)


class _Casting:
    """Casts stand between the op and its model's border."""

    def __init__(self) -> None:
        self.nodes: list[ir.Node] = []

    def take(self, name: str, array: Array, dtype: ir.DataType) -> Any:
        given = _input(name, array)
        return given, self._cast(given, dtype), array

    def give(self, value: ir.Value) -> ir.Value:
        return self._cast(value, ir.DataType.FLOAT)

    def _cast(self, value: ir.Value, dtype: ir.DataType) -> ir.Value:
        if value.dtype == dtype:
            return value
        made = ir.Value(name=f"{value.name}.{dtype.name}", type=ir.TensorType(dtype))
        to = ir.AttrInt64("to", dtype.value)
        self.nodes.append(ir.Node("", "Cast", [value], [to], outputs=[made]))
        return made


class _Bare:
    """The op's precision is that of its model's border."""

    nodes: tuple[ir.Node, ...] = ()

    def take(self, name: str, array: Array, dtype: ir.DataType) -> Any:
        narrow = array.astype(dtype.numpy())
        given = _input(name, narrow)
        return given, given, narrow

    def give(self, value: ir.Value) -> ir.Value:
        return value


def _input(name: str, array: Array) -> ir.Value:
    dtype = ir.DataType.from_numpy(array.dtype)
    return ir.Value(name=name, shape=ir.Shape(array.shape), type=ir.TensorType(dtype))


def _renamed(tensor: ir.TensorProtocol, name: str) -> ir.LazyTensor:
    """The tensor under another name: a value's new name would become the user's."""
    shape = ir.Shape(tensor.shape.numpy())
    return ir.LazyTensor(lambda: tensor, dtype=tensor.dtype, shape=shape, name=name)


@dataclass
class _Part:
    """One such model in the making."""

    singles: Singles
    op: Op
    precision: Precision
    taken: dict[tuple[str, bool], ir.Value] = field(default_factory=dict)
    inputs: list[ir.Value] = field(default_factory=list)
    arrays: list[Array] = field(default_factory=list)
    weights: list[ir.Value] = field(default_factory=list)

    def build(self, border: _Casting | _Bare) -> Single:
        node = self.singles.nodes[self.op.id]
        given = [
            None if value is None else self._take(value, slot, border)
            for value, slot in zip(node.inputs, self.op.inputs, strict=False)
        ]
        before = list(border.nodes)
        made = [self._made(value) for value in node.outputs]
        main = ir.Node(
            node.domain, node.op_type, given, node.attributes.values(), outputs=made
        )
        within_attributes(main, self.precision)
        outputs = [
            border.give(v) if v.dtype == DTYPES[self.precision] else v
            for v in made
            if v.name
        ]
        graph = ir.Graph(
            self.inputs,
            outputs,
            nodes=[*before, main, *border.nodes[len(before) :]],
            initializers=self.weights,
            opset_imports=dict(self.singles.model.opset_imports),
            name=self.op.type,
        )
        version = self.singles.model.ir_version
        return Single(ir.Model(graph, ir_version=version), tuple(self.arrays))

    def _take(self, value: ir.Value, slot: Slot, border: _Casting | _Bare) -> ir.Value:
        tensor = self.singles.graph.tensors[str(slot.tensor)]
        low = slot.castable and tensor.floating
        key = (tensor.name, low)
        if key not in self.taken:
            self.taken[key] = self._new(value, tensor.name, low, border)
        return self.taken[key]

    def _new(
        self, value: ir.Value, name: str, low: bool, border: _Casting | _Bare
    ) -> ir.Value:
        stored = constant(value)
        label = f"{value.name}.{'low' if low else 'own'}"
        if stored is not None:
            if low and self.precision is not Precision.FP32:
                stored = rounded_tensor(stored, self.precision)
            else:
                stored = _renamed(stored, label)
            made = ir.Value(
                name=label, type=ir.TensorType(stored.dtype), const_value=stored
            )
            made.shape = ir.Shape(stored.shape.numpy())
            self.weights.append(made)
            return made
        array = self.singles.values[name]
        if low and name in self.singles.far:
            array = within_range(array.astype(np.float32, copy=False), self.precision)
        own = ir.DataType.from_numpy(array.dtype)
        wanted = DTYPES[self.precision] if low else own
        given, inside, array = border.take(label, array, wanted)
        self.inputs.append(given)
        self.arrays.append(array)
        return inside

    def _made(self, value: ir.Value) -> ir.Value:
        known = self.singles.graph.tensors
        id_to_output = dict(
            zip(
                (v.name for v in self.singles.nodes[self.op.id].outputs if v.name),
                self.op.outputs,
                strict=True,
            )
        )
        if not value.name:
            return ir.Value(name="")
        tensor = known[id_to_output[value.name]]
        dtype = (
            DTYPES[self.precision]
            if tensor.floating
            else ir.DataType.from_numpy(self.singles.values[tensor.name].dtype)
        )
        return ir.Value(name=value.name, type=ir.TensorType(dtype))
