"""What a model needs of its nodes and functions: nothing else is imported, or kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..ir.frozen import Signature
from ..ir.protos import GraphDef
from ..ir.traversal import reachable
from .bodies import MAIN, Bodies, functions_called
from .side_effects import has_effect


def needed(graph_def: Any, tensors: Iterable[str]) -> Any:
    """A GraphDef of the nodes that make these tensors, and the functions they call.

    Function bodies are kept whole: what has an effect runs there though nothing
    takes it. Devices and colocations are left out: they are those of the machine that
    the model was trained on.

    Args:
        tensors: As `node`, `node:k` or `^node`; unknown ones are passed over.
    """
    by_name = {node.name: node for node in graph_def.node}
    kept = reachable(by_name.values(), tensors)
    nodes = [node for name, node in by_name.items() if name in kept]
    library = {f.signature.name: f for f in graph_def.library.function}
    called = functions_called(nodes, library, lambda function: function.node_def)
    found = GraphDef()
    found.versions.CopyFrom(graph_def.versions)
    found.node.extend(nodes)
    found.library.function.extend(f for name, f in library.items() if name in called)
    _anywhere(found.node)
    for function in found.library.function:
        _anywhere(function.node_def)
    return found


def _anywhere(nodes: Iterable[Any]) -> None:
    for node in nodes:
        node.device = ""
        if "_class" in node.attr:
            del node.attr["_class"]


def reached(bodies: Bodies) -> Bodies:
    """Without functions that nothing calls."""
    called = functions_called(
        bodies[MAIN].nodes.values(), bodies, lambda body: body.nodes.values()
    )
    return {n: body for n, body in bodies.items() if n == MAIN or n in called}


def drop_dead(bodies: Bodies, signatures: Iterable[Signature]) -> None:
    """Remove what neither outputs nor effects need, in all bodies.

    The main graph's effects are its `controls`; its inputs stay.
    """
    for body in bodies.values():
        wanted = [each.tensor for each in body.returns]
        if body.name == MAIN:
            for signature in signatures:
                wanted += [e.tensor for e in (*signature.inputs, *signature.outputs)]
        else:
            body.controls = {
                key: name
                for key, name in body.controls.items()
                if name in body.nodes and has_effect(body.nodes[name], bodies)
            }
            wanted += body.arguments
        kept = reachable(body.nodes.values(), [*wanted, *body.controls.values()])
        body.nodes = {n: node for n, node in body.nodes.items() if n in kept}
