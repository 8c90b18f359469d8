"""TensorFlow's protocol buffers, and what its registry says of an op."""

from __future__ import annotations

from functools import cache
from typing import Any

from tensorflow.core.framework import (
    attr_value_pb2,
    function_pb2,
    graph_pb2,
    node_def_pb2,
    op_def_pb2,
    types_pb2,
)
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2
from tensorflow.python.framework import op_def_registry

AttrValue = attr_value_pb2.AttrValue
FunctionDef = function_pb2.FunctionDef
GraphDef = graph_pb2.GraphDef
MetaGraphDef = meta_graph_pb2.MetaGraphDef
NodeDef = node_def_pb2.NodeDef
OpDef = op_def_pb2.OpDef
SavedModel = saved_model_pb2.SavedModel
types = types_pb2


@cache
def op_def(op: str) -> Any:
    """What the registry knows of an op, None if nothing."""
    return op_def_registry.get(op)


def output_dtypes(node: Any) -> list[int]:
    """TensorFlow's dtypes of a node's outputs, from the op's definition.

    Raises:
        KeyError: The registry doesn't know the op.
    """
    known = op_def(node.op)
    if known is None:
        raise KeyError(node.op)
    found: list[int] = []
    for output in known.output_arg:
        if output.type_list_attr:
            found.extend(node.attr[output.type_list_attr].list.type)
            continue
        dtype = output.type
        if output.type_attr:
            dtype = node.attr[output.type_attr].type
        count = node.attr[output.number_attr].i if output.number_attr else 1
        found.extend([dtype] * count)
    return found


INFERRED = "_output_shapes"
"""Attribute in which TensorFlow notes what it inferred."""


def completed(node: Any) -> Any:
    """The node with all attributes that its op has here, and no others.

    Files leave out those that have their defaults, and newer TensorFlows write some
    that this one doesn't know; it refuses those that have no default there. Shapes
    that were inferred once may be others when the graph has been changed.
    """
    known = op_def(node.op)
    if known is None:
        return node
    names = {each.name for each in known.attr}
    strange = [
        n for n in node.attr if n not in names and (n[0] != "_" or n == INFERRED)
    ]
    missing = [
        each
        for each in known.attr
        if each.HasField("default_value") and each.name not in node.attr
    ]
    if not strange and not missing:
        return node
    made = NodeDef()
    made.CopyFrom(node)
    for name in strange:
        del made.attr[name]
    for each in missing:
        made.attr[each.name].CopyFrom(each.default_value)
    return made
