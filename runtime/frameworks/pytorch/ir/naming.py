"""The ids that ops keep from capture to plan."""

from __future__ import annotations

from torch import fx

from . import nodes
from .prepared import Prepared
from .regions import bodies


def op_ids(module: fx.GraphModule, region: str = "") -> dict[str, str]:
    """`module.path:aten_op:k`, k counting equal ops within one module path.

    In a body it is `region/module.path:aten_op:k`, counted within the region.
    """
    seen: dict[tuple[str, str], int] = {}
    ids = {}
    for node in module.graph.nodes:
        if not nodes.is_op(node):
            continue
        place = (nodes.module_path(node), nodes.operator_name(node))
        k = seen.get(place, 0)
        seen[place] = k + 1
        own = f"{region}/" if region else ""
        ids[node.name] = f"{own}{place[0]}:{place[1]}:{k}"
        for name, body in bodies(module, node).items():
            ids |= op_ids(body, f"{ids[node.name]}/{name}")
    return ids


def name_op(prepared: Prepared, node: fx.Node) -> None:
    """Give an op that a pass made an id like the others', the first that is free."""
    stem = f"{nodes.module_path(node)}:{nodes.operator_name(node)}"
    taken = set(prepared.ids.values())
    k = 0
    while f"{stem}:{k}" in taken:
        k += 1
    prepared.ids[node.name] = f"{stem}:{k}"
