"""What of a GraphDef is needed for some tensors: nothing else is ever imported."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..ir.protos import GraphDef
from .bodies import callees, parsed


def needed(graph_def: Any, tensors: Iterable[str]) -> Any:
    """A GraphDef of the nodes that make these tensors, and the functions they call.

    Function bodies are kept whole: what has an effect runs there though nothing
    takes it. Devices and colocations are left out: they are those of the machine that
    the model was trained on.

    Args:
        tensors: As `node`, `node:k` or `^node`; unknown ones are passed over.
    """
    nodes = {node.name: node for node in graph_def.node}
    library = {f.signature.name: f for f in graph_def.library.function}
    reached = _nodes(nodes, tensors)
    called = _functions(library, (nodes[name] for name in reached))
    found = GraphDef()
    found.versions.CopyFrom(graph_def.versions)
    found.node.extend(node for name, node in nodes.items() if name in reached)
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


def _nodes(nodes: dict[str, Any], tensors: Iterable[str]) -> set[str]:
    open_ = [parsed(each)[0] for each in tensors]
    reached: set[str] = set()
    while open_:
        name = open_.pop()
        if name in nodes and name not in reached:
            reached.add(name)
            open_.extend(parsed(each)[0] for each in nodes[name].input)
    return reached


def _functions(library: dict[str, Any], nodes: Iterable[Any]) -> set[str]:
    open_ = [name for node in nodes for name in callees(node, library)]
    called: set[str] = set()
    while open_:
        name = open_.pop()
        if name not in called:
            called.add(name)
            inner = library[name].node_def
            open_.extend(each for node in inner for each in callees(node, library))
    return called
