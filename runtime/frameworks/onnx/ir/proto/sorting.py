"""Nodes in an order in which they can run; what is in order stays as it is."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any

import onnx

from . import walk


def sort_nodes(proto: onnx.ModelProto) -> None:
    """Let every node stand behind what it reads, in bodies and functions too.

    As near to the order in the file as that allows. In a circle nothing is moved.
    """
    for graph in walk.graphs(proto):
        _sort(graph.node)
    for function in proto.functions:
        _sort(function.node)


def _sort(nodes: Any) -> None:
    """Sort the nodes of one graph (a repeated field of NodeProto) in place."""
    makers = {name: k for k, node in enumerate(nodes) for name in node.output if name}
    waits = [
        {makers[name] for name in _read(node) if name in makers} - {k}
        for k, node in enumerate(nodes)
    ]
    if all(max(each, default=-1) < k for k, each in enumerate(waits)):
        return
    order = _order(waits)
    if len(order) < len(nodes):
        return  # the checker says what is wrong with a circle
    sorted_nodes = [nodes[k] for k in order]
    copies = [onnx.NodeProto.FromString(n.SerializeToString()) for n in sorted_nodes]
    del nodes[:]
    nodes.extend(copies)


def _order(waits: list[set[int]]) -> list[int]:
    """Of the nodes that may run, always the first in the file."""
    readers: dict[int, list[int]] = {}
    for k, each in enumerate(waits):
        for other in each:
            readers.setdefault(other, []).append(k)
    left = [len(each) for each in waits]
    ready = [k for k, count in enumerate(left) if not count]
    found = []
    while ready:
        k = heapq.heappop(ready)
        found.append(k)
        for reader in readers.get(k, ()):
            left[reader] -= 1
            if not left[reader]:
                heapq.heappush(ready, reader)
    return found


def _read(node: onnx.NodeProto) -> Iterator[str]:
    """What a node reads of its graph, or what its bodies may."""
    yield from node.input
    for attribute in node.attribute:
        bodies = [attribute.g] if attribute.HasField("g") else []
        for body in (*bodies, *attribute.graphs):
            own = {value.name for value in (*body.input, *body.initializer)}
            for inner in body.node:
                own.update(inner.output)
            names = (name for inner in body.node for name in _read(inner))
            returned = (value.name for value in body.output)
            yield from (name for name in (*names, *returned) if name not in own)
