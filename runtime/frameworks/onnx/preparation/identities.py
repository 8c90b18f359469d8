"""Ops that return what they are given."""

from __future__ import annotations

import onnx_ir as ir

from ..ir.regions import is_control_flow
from .editing import constant_of
from .ledger import Ledger


def drop_identities(model: ir.Model, ledger: Ledger) -> None:
    """Remove Identity, Dropout, casts to the same type and moves that move nothing."""
    for graph in model.graphs():
        for node in list(graph):
            if not node.domain and _is_identity(node):
                _drop(graph, node, ledger)


def _is_identity(node: ir.Node) -> bool:
    data = node.inputs[0] if node.inputs else None
    if data is None or any(value.uses() for value in node.outputs[1:]):
        return False
    if any(value.is_graph_output() for value in node.outputs[1:]):
        return False
    match node.op_type:
        case "Identity":
            return True
        case "Dropout":
            return len(node.inputs) < 3 or _is_false(node.inputs[2])
        case "Cast":
            to = node.attributes["to"]
            return (
                not to.is_ref() and data.dtype is not None and data.dtype == to.as_int()
            )
        case "Transpose":
            order = node.attributes.get("perm")
            return order is not None and list(order.as_ints()) == sorted(
                order.as_ints()
            )
        case "Concat" | "Sum" | "Max" | "Min" | "Mean":
            return len(node.inputs) == 1
        case "Pad":
            pads = constant_of(node.inputs[1]) if len(node.inputs) > 1 else None
            return pads is not None and not pads.numpy().any()
    return False


def _is_false(value: ir.Value | None) -> bool:
    """Whether an optional flag is off for good."""
    if value is None:
        return True
    tensor = constant_of(value)
    return tensor is not None and not tensor.numpy().any()


def _drop(graph: ir.Graph, node: ir.Node, ledger: Ledger) -> None:
    data, out = node.inputs[0], node.outputs[0]
    assert data is not None
    maker = data.producer()
    if out.is_graph_output() and (
        maker is None
        or maker.graph is not graph
        or data.is_graph_output()
        or is_control_flow(maker)  # by whose output all in its bodies is named
    ):
        return  # what a graph returns, it must have made, and under that name
    if maker is not None and maker.graph is graph:
        ledger.after[maker].append(node)
    else:
        for reader in out.consumers():
            ledger.before[reader].append(node)
    replace(graph, node, data)


def replace(graph: ir.Graph, node: ir.Node, data: ir.Value) -> None:
    """Let a node that is removed be replaced by the value that its output now equals.

    A graph's output keeps its name, type and shape.
    """
    out = node.outputs[0]
    returned, name = out.is_graph_output(), out.name
    out.name = None
    out.replace_all_uses_with(data, replace_graph_outputs=True)
    graph.remove(node, safe=True)
    if returned:
        data.name = name
        data.type, data.shape = out.type or data.type, out.shape or data.shape
