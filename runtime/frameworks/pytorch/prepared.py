"""The graph between its passes, and the constants that it names."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import fx

from . import nodes


@dataclass(frozen=True)
class Prepared:
    """A captured graph with the names that its ops keep through all passes.

    Attributes:
        module: The graph with its weights; get_attr nodes name them.
        captured: The graph as it was before any pass; shares the weights.
        ids: Node name → op id, given before any pass so that ids outlive folding.
        absorbed: Node name → (id, operator) of the ops folded into it.
        makes: Node name → id of the captured op whose value it makes, if not its own.
    """

    module: fx.GraphModule
    captured: fx.GraphModule
    ids: dict[str, str]
    absorbed: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    makes: dict[str, str] = field(default_factory=dict)


def named(module: fx.GraphModule) -> Prepared:
    """The captured graph with names for its ops; passes then change `module`."""
    before = fx.Graph()
    before.output(before.graph_copy(module.graph, {}))
    before.set_codegen(module.graph._codegen)
    captured = fx.GraphModule(module, before, class_name="Captured")
    return Prepared(module, captured, op_ids(module))


def op_ids(module: fx.GraphModule) -> dict[str, str]:
    """`module.path:aten_op:k`, k counting equal ops within one module path."""
    seen: dict[tuple[str, str], int] = {}
    ids = {}
    for node in module.graph.nodes:
        if nodes.is_op(node):
            place = (nodes.module_path(node), nodes.operator_name(node))
            k = seen.get(place, 0)
            seen[place] = k + 1
            ids[node.name] = f"{place[0]}:{place[1]}:{k}"
    return ids


def absorb(prepared: Prepared, node: fx.Node, gone: fx.Node) -> None:
    """Let `node` answer to the name of an op that a pass folds into it."""
    name = (prepared.ids.pop(gone.name), nodes.operator_name(gone))
    prepared.absorbed.setdefault(node.name, []).append(name)


def name_op(prepared: Prepared, node: fx.Node) -> None:
    """Give an op that a pass made an id like the others', the first that is free."""
    stem = f"{nodes.module_path(node)}:{nodes.operator_name(node)}"
    taken = set(prepared.ids.values())
    k = 0
    while f"{stem}:{k}" in taken:
        k += 1
    prepared.ids[node.name] = f"{stem}:{k}"


def constant(module: fx.GraphModule, node: fx.Node) -> torch.Tensor:
    """The weight or buffer that a get_attr node names."""
    value: object = module
    for part in str(node.target).split("."):
        value = getattr(value, part)
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{node.target} is {type(value).__name__}, not a tensor")
    return value.detach()


def is_constant(node: object) -> bool:
    """Whether the node names a weight, a buffer or a folded constant."""
    return (
        isinstance(node, fx.Node)
        and node.op == "get_attr"
        and isinstance(node.meta.get("val"), torch.Tensor)
    )


def add_constant(
    module: fx.GraphModule, name: str, value: torch.Tensor, before: fx.Node
) -> fx.Node:
    """Register `value` under a free name near `name` and return its get_attr node."""
    *path, wanted = name.split(".")
    owner = _owner(module, path)
    free, count = wanted, 1
    while hasattr(owner, free):
        free = f"{wanted}_{count}"
        count += 1
    owner.register_buffer(free, value)
    with module.graph.inserting_before(before):
        node = module.graph.get_attr(".".join([*path, free]))
    node.meta["val"] = value
    return node


def replace_constant(
    module: fx.GraphModule, node: fx.Node, value: torch.Tensor
) -> None:
    """Let a get_attr node's name stand for `value`; the user's model keeps its own."""
    *path, name = str(node.target).split(".")
    owner = _owner(module, path)
    delattr(owner, name)
    owner.register_buffer(name, value)
    for other in module.graph.find_nodes(op="get_attr"):
        if other.target == node.target:
            other.meta["val"] = value


def _owner(module: torch.nn.Module, path: list[str]) -> torch.nn.Module:
    for part in path:
        if part not in module._modules:
            module.add_module(part, torch.nn.Module())
        module = module.get_submodule(part)
    return module
