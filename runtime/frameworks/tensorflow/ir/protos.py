"""TensorFlow's protocol buffers, whose types its stubs don't know."""

from __future__ import annotations

from typing import Any

from tensorflow.core.framework import function_pb2, graph_pb2, node_def_pb2, types_pb2
from tensorflow.core.protobuf import saved_model_pb2

FunctionDef = function_pb2.FunctionDef
GraphDef = graph_pb2.GraphDef
NodeDef = node_def_pb2.NodeDef
SavedModel = saved_model_pb2.SavedModel
types = types_pb2


def copied(proto: Any) -> Any:
    """A copy to change."""
    copy = type(proto)()
    copy.CopyFrom(proto)
    return copy
