"""Every part of a ModelProto, however deep, without recursion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import onnx


def tensors(proto: onnx.ModelProto) -> Iterator[tuple[str, onnx.TensorProto]]:
    """Where it is, in words, and each tensor: of graphs, functions and attributes."""
    for graph in graphs(proto):
        for tensor in graph.initializer:
            yield f"initializer `{tensor.name}`", tensor
    for node in nodes(proto):
        for attribute in node.attribute:
            own = [attribute.t] if attribute.HasField("t") else []
            for tensor in (*own, *attribute.tensors):
                yield f"attribute `{attribute.name}` of {label(node)}", tensor


def graphs(proto: onnx.ModelProto) -> Iterator[onnx.GraphProto]:
    """The main graph and all graphs in attributes."""
    yield proto.graph
    for node in nodes(proto):
        yield from _inside(node)


def nodes(proto: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """All nodes, of bodies and functions too."""
    yield from nodes_of(proto.graph.node)
    for function in proto.functions:
        yield from nodes_of(function.node)


def nodes_of(body: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """The nodes of a graph or a function, and of the graphs in their attributes."""
    waiting = [body]
    while waiting:
        for node in waiting.pop():
            yield node
            waiting += [graph.node for graph in _inside(node)]


def names(proto: onnx.ModelProto) -> Iterator[str]:
    """What values are called, wherever they are; some more than once."""
    for graph in graphs(proto):
        yield from (value.name for value in (*graph.input, *graph.output))
        yield from (tensor.name for tensor in graph.initializer)
    for node in nodes(proto):
        yield from node.input
        yield from node.output


def label(node: onnx.NodeProto) -> str:
    """What users know a node by: its type and its name, or what it makes."""
    name = node.name or next(iter(node.output), "")
    return f"{node.op_type} `{name}`"


def _inside(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs
