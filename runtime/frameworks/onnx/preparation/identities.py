"""Ops that return what they are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import onnx_ir as ir

from ..ir.regions import is_control_flow
from ..ir.rewriting.editing import constant_of
from .neutral import unchanged


def drop_identities(model: ir.Model) -> None:
    """Remove Identity, Dropout, casts to the same type, moves that move nothing, and
    sums and products that change nothing."""
    for graph in model.graphs():
        for node in list(graph):
            if not node.domain and (data := _returned(node)) is not None:
                _drop(graph, node, data)


def _returned(node: ir.Node) -> ir.Value | None:
    """What of its inputs the node returns, None if it does something."""
    return node.inputs[0] if _returns_its_input(node) else unchanged(node)


def _returns_its_input(node: ir.Node) -> bool:
    if not node.inputs or node.inputs[0] is None or node.op_type not in IDENTITIES:
        return False
    if any(value.uses() or value.is_graph_output() for value in node.outputs[1:]):
        return False
    return IDENTITIES[node.op_type](node)


def _trains_not(dropout: ir.Node) -> bool:
    return len(dropout.inputs) < 3 or _is_false(dropout.inputs[2])


def _keeps_type(cast: ir.Node) -> bool:
    (data,), to = cast.inputs, cast.attributes["to"]
    if data is None or data.dtype is None or to.is_ref():
        return False
    return bool(data.dtype == to.as_int())


def _keeps_order(transpose: ir.Node) -> bool:
    order = transpose.attributes.get("perm")
    return order is not None and list(order.as_ints()) == sorted(order.as_ints())


def _takes_one(node: ir.Node) -> bool:
    return len(node.inputs) == 1


def _pads_nothing(pad: ir.Node) -> bool:
    pads = constant_of(pad.inputs[1]) if len(pad.inputs) > 1 else None
    return pads is not None and not pads.numpy().any()


IDENTITIES: Mapping[str, Callable[[ir.Node], bool]] = {
    "Identity": _takes_one,
    "Dropout": _trains_not,
    "Cast": _keeps_type,
    "Transpose": _keeps_order,
    "Pad": _pads_nothing,
    **dict.fromkeys(("Concat", "Sum", "Max", "Min", "Mean"), _takes_one),
}
"""Op → whether a node of it returns its first input."""


def _is_false(value: ir.Value | None) -> bool:
    """Whether an optional flag is off for good."""
    if value is None:
        return True
    tensor = constant_of(value)
    return tensor is not None and not tensor.numpy().any()


def _drop(graph: ir.Graph, node: ir.Node, data: ir.Value) -> None:
    out = node.outputs[0]
    maker = data.producer()
    if out.is_graph_output() and (
        maker is None
        or maker.graph is not graph
        or data.is_graph_output()
        or is_control_flow(maker)  # by whose output all in its bodies is named
    ):
        return  # what a graph returns, it must have made, and under that name
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
