"""What a graph returns, one of its nodes makes: weights and outer values get a copy."""

from __future__ import annotations

import onnx
from onnx import helper

from . import walk

DEFAULTS = 4
"""The ir_version from which on an initializer that is an input is a default of it."""


def copy_returned(proto: onnx.ModelProto) -> None:
    """Let an Identity return what a graph returns and no node of it makes.

    An initializer that is an output of the model has another name from then on, its
    output keeps the name: passes need not tell the weight from the interface. A body
    returns each value once, and what it is given only as a loop's condition: of others
    runtimes give back what was never written, or crash.
    """
    taken = set[str]()
    stored = {tensor.name for tensor in proto.graph.initializer}
    for name in _foreign(proto.graph, proto.ir_version < DEFAULTS):
        if name not in stored:
            continue  # the checker says so
        taken = taken or set(walk.names(proto))
        own = _fresh(f"{name}_value", taken)
        _rename(proto, name, own)
        proto.graph.node.append(_identity(own, name))
    for graph in walk.graphs(proto):
        if graph is proto.graph:
            continue
        made = {name for node in graph.node for name in node.output}
        given = [each.name for each in graph.input[1:2]]
        for k, value in enumerate(graph.output):
            if value.name in made or (not k and value.name in given):
                made.discard(value.name)  # of one value returned twice, the second
            else:
                taken = taken or set(walk.names(proto))
                source, value.name = value.name, _fresh(f"{value.name}_out", taken)
                graph.node.append(_identity(source, value.name))


def _foreign(graph: onnx.GraphProto, listed: bool = False) -> list[str]:
    """Names of outputs that no node of the graph makes and that it is not given.

    Args:
        listed: Whether initializers are listed among the inputs and are none.
    """
    own = {value.name for value in graph.input}
    if listed:
        own.difference_update(tensor.name for tensor in graph.initializer)
    for node in graph.node:
        own.update(node.output)
    return list(dict.fromkeys(v.name for v in graph.output if v.name not in own))


def _identity(source: str, name: str) -> onnx.NodeProto:
    return helper.make_node("Identity", [source], [name], name=name)


def _fresh(near: str, taken: set[str]) -> str:
    name, count = near, 1
    while name in taken:
        name, count = f"{near}_{count}", count + 1
    taken.add(name)
    return name


def _rename(proto: onnx.ModelProto, old: str, new: str) -> None:
    """Give an initializer of the main graph another name, wherever it is read."""
    for tensor in proto.graph.initializer:
        if tensor.name == old:
            tensor.name = new
    for node in walk.nodes_of(proto.graph.node):
        for k, name in enumerate(node.input):
            if name == old:
                node.input[k] = new
    for graph in walk.graphs(proto):
        for value in () if graph is proto.graph else graph.output:
            if value.name == old:
                value.name = new
