"""TensorFlow's protocol buffers, whose types its stubs don't know."""

from __future__ import annotations

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

AttrValue = attr_value_pb2.AttrValue
FunctionDef = function_pb2.FunctionDef
GraphDef = graph_pb2.GraphDef
MetaGraphDef = meta_graph_pb2.MetaGraphDef
NodeDef = node_def_pb2.NodeDef
OpDef = op_def_pb2.OpDef
SavedModel = saved_model_pb2.SavedModel
types = types_pb2


def copied(proto: Any) -> Any:
    """A copy to change."""
    copy = type(proto)()
    copy.CopyFrom(proto)
    return copy
