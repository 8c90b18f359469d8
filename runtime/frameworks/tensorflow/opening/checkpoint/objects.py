"""Which tensor of a checkpoint a variable has, by the objects that TensorFlow 2 saved.

The restore op may fill other handles of the same variables than those that signatures
read: Keras 3's models saved by `tf.saved_model.save` have two for each. What a
signature's function captured, and where that is in the checkpoint, both files say by
objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import trackable_object_graph_pb2

from ...bodies.inline import CALLS
from ...ir.naming import data, parsed
from .restores import Restores, Stored

OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"
"""The checkpoint's tensor that holds its objects."""

VALUE = "VARIABLE_VALUE"


def captured(meta_graph: Any, objects: bytes) -> Restores:
    """Node of a variable that a function captures → where its value is.

    Args:
        objects: What the checkpoint holds as `OBJECTS`, empty if nothing.
    """
    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    try:
        graph.ParseFromString(objects)
    except DecodeError:
        return {}
    keys = dict(_keys(meta_graph.object_graph_def.nodes, graph.nodes))
    return {
        name: (Stored(keys[place], ""),)
        for name, place in _handles(meta_graph)
        if place in keys
    }


def _handles(meta_graph: Any) -> Iterator[tuple[str, int]]:
    """Nodes that calls in the main graph pass, and the objects that they stand for."""
    known: Mapping[str, Any] = meta_graph.object_graph_def.concrete_functions
    for node in meta_graph.graph_def.node:
        name = node.attr["f"].func.name if node.op in CALLS else ""
        bound = list(known[name].bound_inputs) if name in known else []
        passed = data(node)[len(data(node)) - len(bound) :]
        for reference, place in zip(passed, bound, strict=False):
            yield parsed(reference)[0], place


def _keys(saved: Any, stored: Any) -> Iterator[tuple[int, str]]:
    """Object of the SavedModel → its value's key, going from the root by names."""
    waiting, seen = [(0, 0)] if saved and stored else [], set()
    while waiting:
        pair = waiting.pop()
        if pair in seen or pair[0] >= len(saved) or pair[1] >= len(stored):
            continue
        seen.add(pair)
        one, other = saved[pair[0]], stored[pair[1]]
        for attribute in other.attributes:
            if attribute.name == VALUE:
                yield pair[0], attribute.checkpoint_key
        children = {child.local_name: child.node_id for child in other.children}
        waiting.extend(
            (child.node_id, children[child.local_name])
            for child in one.children
            if child.local_name in children
        )
