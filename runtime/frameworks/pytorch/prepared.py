"""The graph between its passes, and the constants that it names."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import fx


@dataclass(frozen=True)
class Prepared:
    """A captured graph with the names that its ops keep through all passes.

    Attributes:
        module: The graph with its weights; get_attr nodes name them.
        ids: Node name → op id, given before any pass so that ids outlive folding.
        absorbed: Node name → (id, operator) of the ops folded into it.
    """

    module: fx.GraphModule
    ids: dict[str, str]
    absorbed: dict[str, list[tuple[str, str]]] = field(default_factory=dict)


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
    flat = name.replace(".", "_")
    free = flat
    count = 1
    while hasattr(module, free):
        free = f"{flat}_{count}"
        count += 1
    module.register_buffer(free, value)
    with module.graph.inserting_before(before):
        node = module.graph.get_attr(free)
    node.meta["val"] = value
    return node
