"""The graph between its passes, and the constants that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeGuard

import torch
from torch import fx

from ...absorbed import Ledger, Told


@dataclass(frozen=True)
class Prepared:
    """A captured graph with the names that its ops keep through all passes.

    Attributes:
        module: The graph with its weights; get_attr nodes name them.
        captured: The graph as it was before any pass; shares the weights.
        ids: Node name → op id, given before any pass so that ids outlive folding; names
            are unique in all regions.
        ledger: What the passes said of ops that are gone, by node names.
        told: Where all names went; empty until the passes are done.
    """

    module: fx.GraphModule
    captured: fx.GraphModule
    ids: dict[str, str]
    ledger: Ledger[str]
    told: Told = field(default_factory=Told)

    @property
    def makes(self) -> Mapping[str, str]:
        """Node name → id of the captured op whose value it makes, if not its own."""
        return self.ledger.makes


def constant(module: fx.GraphModule, node: fx.Node) -> torch.Tensor:
    """The weight or buffer that a get_attr node names."""
    return attribute(module, node).detach()


def attribute(module: fx.GraphModule, node: fx.Node) -> torch.Tensor:
    """The same as an object, by which two graphs know that they share it."""
    value: object = module
    for part in str(node.target).split("."):
        value = getattr(value, part)
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{node.target} is {type(value).__name__}, not a tensor")
    return value


def is_constant(node: object) -> TypeGuard[fx.Node]:
    """Whether the node names a weight, a folded constant or a buffer that stays."""
    return (
        isinstance(node, fx.Node)
        and node.op == "get_attr"
        and isinstance(node.meta.get("val"), torch.Tensor)
        and "state" not in node.meta
    )


def in_columns(module: fx.GraphModule, node: fx.Node, before: fx.Node) -> fx.Node:
    """The same matrix, to be laid out by columns when it is written."""
    with module.graph.inserting_before(before):
        new = module.graph.get_attr(str(node.target))
    new.meta = {**node.meta, "columns": True}
    return new


def is_by_columns(node: fx.Node) -> bool:
    """Whether a constant is to be laid out by columns."""
    return bool(node.meta.get("columns"))


def by_columns(matrix: torch.Tensor) -> torch.Tensor:
    """The same values, each column contiguous in memory."""
    return matrix.t().contiguous().t()


def add_constant(
    module: fx.GraphModule, name: str, value: torch.Tensor, before: fx.Node
) -> fx.Node:
    """Register `value` under a free name near `name` and return its get_attr node."""
    target = registered(module, name, value)
    with module.graph.inserting_before(before):
        node = module.graph.get_attr(target)
    node.meta["val"] = value
    return node


def registered(module: fx.GraphModule, name: str, value: torch.Tensor) -> str:
    """Register `value` under `name`, or one near it if that is another's."""
    *path, wanted = name.split(".")
    owner = _owner(module, path)
    free, count = wanted, 1
    while getattr(owner, free, value) is not value:
        free = f"{wanted}_{count}"
        count += 1
    owner.register_buffer(free, value)
    return ".".join([*path, free])


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
