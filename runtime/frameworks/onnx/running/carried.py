"""Types that NumPy has not, at the border of a model: fp32 carries them in and out.

Every bfloat16, 8-bit float or 4-bit number is an fp32 number too, so nothing is lost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from ...protocol import Array

FLOAT = ir.DataType.FLOAT


def carried(model: ir.Model, found: Mapping[str, str] | None = None) -> ir.Model:
    """A copy that takes and returns fp32 where the model has no type of NumPy's.

    The model itself if it has none.

    Args:
        found: Names of outputs → the types that ONNX Runtime found them to have, where
            the model does not say.
    """
    graph = model.graph
    if not any(map(_foreign, graph.inputs)) and not _returned(graph, found or {}):
        return model
    copy = model.clone()
    graph = copy.graph
    for value in graph.inputs:
        if _foreign(value):
            _take(graph, value)
    for index, name in _returned(graph, found or {}).items():
        _give(graph, index, name)
    return copy


def type_of(text: str) -> ir.DataType | None:
    """The element type that "tensor(bfloat16)" names, None of what is no tensor."""
    named = re.fullmatch(r"tensor\((\w+)\)", text)
    return None if named is None else ir.DataType.__members__.get(named[1].upper())


def is_foreign(dtype: ir.DataType | None) -> bool:
    """Whether NumPy itself has no such type."""
    if dtype is None or dtype in (ir.DataType.STRING, ir.DataType.UNDEFINED):
        return False
    return int(np.dtype(dtype.numpy()).isbuiltin) != 1


def as_carried(value: Array) -> Array:
    """An array as a carried model takes it."""
    return value.astype(np.float32) if value.dtype.isbuiltin == 2 else value


def _foreign(value: ir.Value) -> bool:
    return isinstance(value.type, ir.TensorType) and is_foreign(value.dtype)


def _returned(graph: ir.Graph, found: Mapping[str, str]) -> dict[int, str]:
    """Places of outputs that fp32 must carry → the names they have."""
    return {
        k: str(value.name)
        for k, value in enumerate(graph.outputs)
        if _foreign(value) or is_foreign(type_of(found.get(str(value.name), "")))
    }


def _take(graph: ir.Graph, value: ir.Value) -> None:
    dtype, name = value.dtype, str(value.name)
    assert dtype is not None
    node = _cast(value, dtype, f"{name}.own")
    (own,) = node.outputs
    value.replace_all_uses_with(own, replace_graph_outputs=True)
    node.replace_input_with(0, value)
    value.type = ir.TensorType(FLOAT)
    first = next(iter(graph), None)
    if first is None:
        graph.append(node)
    else:
        graph.insert_before(first, node)


def _give(graph: ir.Graph, index: int, name: str) -> None:
    value = graph.outputs[index]
    node = _cast(value, FLOAT, f"{name}.carried{index}")
    graph.append(node)
    graph.outputs[index] = node.outputs[0]
    value.name, node.outputs[0].name = node.outputs[0].name, name


def _cast(value: ir.Value, dtype: ir.DataType, name: str) -> ir.Node:
    made = ir.Value(name=name, type=ir.TensorType(dtype), shape=value.shape)
    to = ir.AttrInt64("to", dtype.value)
    return ir.Node("", "Cast", [value], [to], outputs=[made], name=name)
