"""The outputs that a spec selects, and what leads to them."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from .....common.suggestion import chosen
from . import walk


def select_outputs(proto: onnx.ModelProto, names: Sequence[str], place: str) -> None:
    """Keep the outputs of these names, in this order, and the nodes that lead to them.

    Inputs stay, whether anything reads them or not: data has a value for each. Names of
    which none is the model's own are labels, if there is one for each output; a sequence
    is as many as it has elements.

    Args:
        proto: Nodes stand behind what they read, bodies return what their own make.
        place: What messages start with.

    Raises:
        ModelError: The model has no output of a name.
    """
    graph = proto.graph
    known = [value.name for value in graph.output]
    sequences = any(not value.type.HasField("tensor_type") for value in graph.output)
    if sequences and not set(names) & set(known):
        return
    kept = chosen(names, known, place)
    if kept == list(range(len(known))):
        return
    outputs = [graph.output[k] for k in kept]
    del graph.output[:]
    graph.output.extend(outputs)
    _cut(graph)


def _cut(graph: onnx.GraphProto) -> None:
    """Drop the nodes and the weights that no output needs."""
    needed = {value.name for value in graph.output}
    for k in range(len(graph.node) - 1, -1, -1):
        node = graph.node[k]
        if needed.isdisjoint(node.output):
            del graph.node[k]
            continue
        for inner in walk.nodes_of([node]):
            needed.update(filter(None, inner.input))  # "" is what is left out
    idle = {tensor.name for tensor in graph.initializer} - needed
    for held in (graph.initializer, graph.input):
        for k in range(len(held) - 1, -1, -1):
            if held[k].name in idle:
                del held[k]
