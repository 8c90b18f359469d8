"""A form: a few ops, and the nodes that compute the same in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import fx

from ..ir.regions import copied


@dataclass(frozen=True)
class Writer:
    """Adds nodes to a graph and notes their names."""

    module: fx.GraphModule
    before: fx.Node
    names: list[str]

    def call(self, target: Any, *args: Any, **kwargs: Any) -> fx.Node:
        """A new node with the `val` of the op it helps to replace: its dtype counts."""
        with self.module.graph.inserting_before(self.before):
            node = self.module.graph.call_function(target, args, kwargs)
        node.meta = dict(self.before.meta)
        self.names.append(node.name)
        return node


Write = Callable[[Writer, Sequence[fx.Node]], fx.Node]
"""Writes what stands for the given nodes, in their graph; returns the result."""


@dataclass(frozen=True)
class Form:
    """One way to compute some ops at once.

    Attributes:
        name: Of the kernel, for the plan.
        nodes: Names of the nodes it replaces, the one that computes first; only the
            last one's value is read by others.
        write: Makes the replacement.
    """

    name: str
    nodes: tuple[str, ...]
    write: Write

    @property
    def anchor(self) -> str:
        """The node that computes; forms that share it exclude each other."""
        return self.nodes[0]


def substituted(
    module: fx.GraphModule, forms: Iterable[Form]
) -> tuple[fx.GraphModule, frozenset[str]]:
    """A copy of the graph, weights shared, with forms for the ops they replace.

    Returns:
        The copy and the names of its new nodes.
    """
    copy = copied(module)
    by_name = {node.name: node for node in copy.graph.nodes}
    names: list[str] = []
    for form in forms:
        replaced = [by_name[name] for name in form.nodes]
        result = form.write(Writer(copy, replaced[-1], names), replaced)
        replaced[-1].replace_all_uses_with(result)
        for node in reversed(replaced):
            copy.graph.erase_node(node)
    return copy, frozenset(names)
