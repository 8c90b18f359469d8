"""Inputs that are no Placeholders: any tensor may be fed, and is one afterwards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import tensorflow as tf

from ..bodies.bodies import rewired
from ..bodies.inline import unused
from ..ir.frozen import Endpoint, Signature
from ..ir.naming import flat, parsed
from ..ir.protos import GraphDef, NodeDef


def fed(
    graph_def: Any, signatures: tuple[Signature, ...]
) -> tuple[Any, tuple[Signature, ...]]:
    """Put Placeholders where signatures feed tensors that other nodes make."""
    nodes = {node.name: node for node in graph_def.node}
    made: dict[str, Any] = {}
    for signature in signatures:
        for each in signature.inputs:
            node, index = parsed(each.tensor)
            if index or nodes[node].op != "Placeholder":
                made[each.tensor] = _placeholder(each, nodes, made)
    if not made:
        return graph_def, signatures
    placed = {each.name: each for each in made.values()}

    def new(tensor: str) -> str:
        return made[tensor].name if tensor in made else tensor

    found = GraphDef()
    found.versions.CopyFrom(graph_def.versions)
    found.library.CopyFrom(graph_def.library)
    for node in graph_def.node:
        if node.name not in placed:
            inputs = [flat(*parsed(each)) for each in node.input]
            found.node.append(rewired(node, [new(each) for each in inputs]))
    found.node.extend(placed.values())
    return found, tuple(_renamed(each, made) for each in signatures)


def _placeholder(each: Endpoint, nodes: dict[str, Any], made: dict[str, Any]) -> Any:
    """A Placeholder; with the node's own name if it replaces all of it."""
    node, index = parsed(each.tensor)
    taken = {*nodes, *(other.name for other in made.values())}
    alone = index == 0 and not any(
        parsed(one)[0] == node and one not in (node, f"{node}:0")
        for other in nodes.values()
        for one in other.input
    )
    name = node if alone else unused(taken, each.tensor.replace(":", "_"))
    found = NodeDef(name=name, op="Placeholder")
    dtype = tf.string if each.dtype == "object" else tf.as_dtype(each.dtype)
    found.attr["dtype"].type = dtype.as_datatype_enum
    found.attr["shape"].shape.unknown_rank = each.shape is None
    for size in each.shape or ():
        found.attr["shape"].shape.dim.add(size=-1 if size is None else size)
    return found


def _renamed(signature: Signature, made: dict[str, Any]) -> Signature:
    return replace(
        signature,
        inputs=tuple(
            replace(e, tensor=made[e.tensor].name) if e.tensor in made else e
            for e in signature.inputs
        ),
    )
