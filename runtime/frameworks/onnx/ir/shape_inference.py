"""Types and shapes of all values, by ONNX's own inference, without its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from operator import setitem

import onnx
import onnx_ir as ir
from onnx import shape_inference

from .regions import bodies

SMALL = 1024
"""Bytes of a tensor whose values the inference may need: a shape."""


def infer_types(model: ir.Model) -> None:
    """Fill in the types and shapes that can be inferred; what is known stays."""
    with without_values(model):
        proto = ir.to_proto(model)
    found = shape_inference.infer_shapes(proto, data_prop=True)
    _fill(model.graph, found.graph)


@contextmanager
def without_values(model: ir.Model) -> Iterator[None]:
    """Let large tensors be names of files meanwhile, so that a proto is small."""
    undo: list[Callable[[], None]] = []
    for graph in model.graphs():
        for value in graph.initializers.values():
            if (tensor := value.const_value) is not None and _is_large(tensor):
                undo.append(partial(setattr, value, "const_value", tensor))
                value.const_value = _stub(tensor)
        for node in graph:
            for name, attribute in list(node.attributes.items()):
                if attribute.is_ref() or attribute.type != ir.AttributeType.TENSOR:
                    continue
                if _is_large(tensor := attribute.as_tensor()):
                    undo.append(partial(setitem, node.attributes, name, attribute))
                    node.attributes[name] = ir.AttrTensor(name, _stub(tensor))
    try:
        yield
    finally:
        for each in undo:
            each()


def _is_large(tensor: ir.TensorProtocol) -> bool:
    return bool(tensor.dtype != ir.DataType.STRING and tensor.nbytes > SMALL)


def _stub(tensor: ir.TensorProtocol) -> ir.ExternalTensor:
    shape = ir.Shape(tensor.shape.dims)
    name = tensor.name or ""
    return ir.ExternalTensor(
        "-", 0, tensor.nbytes, tensor.dtype, shape=shape, name=name
    )


def _fill(graph: ir.Graph, proto: onnx.GraphProto) -> None:
    """Copy what was inferred; nodes of both are in one order."""
    infos = {info.name: info.type for info in (*proto.value_info, *proto.output)}
    for node, inferred in zip(graph, proto.node, strict=True):
        for value in node.outputs:
            if value.name in infos:
                _describe(value, infos[value.name])
        inner = _bodies(inferred)
        for name, body in bodies(node):
            _fill(body, inner[name])


def _describe(value: ir.Value, type_: onnx.TypeProto) -> None:
    if value.type is None:
        value.type = ir.serde.deserialize_type_proto_for_type(type_)
    if value.shape is None:
        value.shape = ir.serde.deserialize_type_proto_for_shape(type_)


def _bodies(proto: onnx.NodeProto) -> dict[str, onnx.GraphProto]:
    """The graphs of a node, by the names that `bodies` gives them."""
    single = {each.name: each.g for each in proto.attribute if each.HasField("g")}
    several = {
        f"{each.name}.{k}": graph
        for each in proto.attribute
        for k, graph in enumerate(each.graphs)
    }
    return single | several
