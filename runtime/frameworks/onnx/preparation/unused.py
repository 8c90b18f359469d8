"""What nothing reads any more, and weights that are there twice."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable

import numpy as np
import onnx_ir as ir

SAMPLE = 4096
"""Bytes at a tensor's start that tell most different ones apart."""


def drop_unused(model: ir.Model) -> None:
    """Remove nodes and initializers that no output depends on."""
    for graph in reversed(list(model.graphs())):
        for node in reversed(list(graph)):
            if not any(v.uses() or v.is_graph_output() for v in node.outputs):
                _release(node)
                graph.remove(node, safe=True)
    for graph in model.graphs():
        for name, value in list(graph.initializers.items()):
            if not (value.uses() or value.is_graph_output() or value.is_graph_input()):
                del graph.initializers[name]


def _release(node: ir.Node) -> None:
    """Let go of what the node's bodies take from outside."""
    for attribute in node.attributes.values():
        if attribute.is_ref():
            continue
        if attribute.type == ir.AttributeType.GRAPH:
            bodies = [attribute.as_graph()]
        elif attribute.type == ir.AttributeType.GRAPHS:
            bodies = list(attribute.as_graphs())
        else:
            continue
        for body in bodies:
            for inner in body.all_nodes():
                for index in range(len(inner.inputs)):
                    inner.replace_input_with(index, None)


def merge_weights(model: ir.Model) -> None:
    """Let equal initializers of one graph be one, the first."""
    for graph in model.graphs():
        groups: dict[Hashable, list[ir.Value]] = {}
        for value in graph.initializers.values():
            tensor = value.const_value
            if tensor is None or tensor.dtype == ir.DataType.STRING:
                continue
            if value.is_graph_output() or value.is_graph_input():
                continue
            start = np.ascontiguousarray(tensor.numpy().reshape(-1)[:SAMPLE]).tobytes()
            key = tensor.dtype, tuple(tensor.shape.numpy()), start
            groups.setdefault(key, []).append(value)
        for alike in groups.values():
            if len(alike) > 1:
                _merge(graph, alike)


def _merge(graph: ir.Graph, alike: list[ir.Value]) -> None:
    first: dict[bytes, ir.Value] = {}
    for value in alike:
        assert value.const_value is not None
        kept = first.setdefault(_digest(value.const_value), value)
        if kept is not value:
            value.replace_all_uses_with(kept)
            del graph.initializers[str(value.name)]


def _digest(tensor: ir.TensorProtocol) -> bytes:
    array = np.ascontiguousarray(tensor.numpy())
    return hashlib.blake2b(array.reshape(-1).view(np.uint8).data).digest()
