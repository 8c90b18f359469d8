"""What ops and tensors are called, from capture to plan (docs/graph.md)."""

from __future__ import annotations

from collections.abc import Set

from torch import fx

from . import nodes
from .prepared import Prepared, attribute, is_constant
from .regions import bodies, regions


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


def tensor_names(prepared: Prepared) -> dict[fx.Node, str]:
    """Node → tensor name: the op's id, with `#k` for output k of several.

    Inputs and constants keep their own; `self.x` is a constant beside an input `x`.
    What a body takes is named within its region; constants are one tensor everywhere.
    """
    ids, names = prepared.ids, dict[fx.Node, str]()
    constants: dict[int, str] = {}
    taken: set[str] = set()
    for region in regions(prepared.module, ids):
        placeholders = region.module.graph.find_nodes(op="placeholder")
        inputs = {str(node.target) for node in placeholders}
        for node in filter(nodes.is_tensor, region.module.graph.nodes):
            if nodes.is_op(node):
                names[node] = ids[node.name]
            elif nodes.is_getitem(node):
                maker, index = node.args
                if nodes.is_op(maker):
                    names[node] = f"{ids[maker.name]}#{index}"
            elif is_constant(node):
                name, key = _own_name(node, inputs), id(attribute(region.module, node))
                if key not in constants:
                    constants[key] = region.within(name) if name in taken else name
                    taken.add(constants[key])
                names[node] = constants[key]
            else:
                names[node] = region.within(_own_name(node, inputs))
    return names


def _own_name(node: fx.Node, inputs: Set[str]) -> str:
    """What an input, a constant or state is called in its graph."""
    name = str(node.target)
    return f"self.{name}" if node.op == "get_attr" and name in inputs else name


def name_op(prepared: Prepared, node: fx.Node) -> None:
    """Give an op that a pass made an id like the others', the first that is free."""
    stem = f"{nodes.module_path(node)}:{nodes.operator_name(node)}"
    taken = set(prepared.ids.values())
    k = 0
    while f"{stem}:{k}" in taken:
        k += 1
    prepared.ids[node.name] = f"{stem}:{k}"
