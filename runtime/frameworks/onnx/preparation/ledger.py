"""What became of the ops of the model as loaded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import onnx_ir as ir

from ..ir.naming import Site
from ..ir.prepared import Absorbed


@dataclass
class Ledger:
    """Kept through all passes, by node: names and types change on the way.

    Attributes:
        known: Node → the op as it was before any pass.
        before: Node → the nodes that made what it takes, and are part of it now.
        after: Node → the nodes that took what it makes, and are part of it now.
        makes: Node → the op whose value it makes, if not its own.
        folded: Constant → the node that made it.
    """

    known: Mapping[ir.Node, Absorbed]
    before: dict[ir.Node, list[ir.Node]] = field(
        default_factory=lambda: defaultdict(list)
    )
    after: dict[ir.Node, list[ir.Node]] = field(
        default_factory=lambda: defaultdict(list)
    )
    makes: dict[ir.Node, str] = field(default_factory=dict)
    folded: dict[ir.Value, ir.Node] = field(default_factory=dict)

    def value_is_of(self, node: ir.Node, gone: ir.Node) -> None:
        """Say that `node` now makes what `gone` made from it."""
        self.after[node].append(gone)
        if gone in self.known:
            self.makes[node] = self.makes.get(gone, self.known[gone].id)

    def fold(self, node: ir.Node, constants: Iterable[ir.Value]) -> None:
        """Say that a node's outputs became these constants."""
        self.takes_constants(node)
        self.folded.update(dict.fromkeys(constants, node))

    def takes_constants(self, node: ir.Node) -> None:
        """Say that the makers of the constants that a node takes are part of it."""
        makers = [self.folded[v] for v in node.inputs if v in self.folded]
        self.before[node] += dict.fromkeys(makers)

    def told(
        self, sites: Iterable[Site]
    ) -> tuple[dict[str, tuple[Absorbed, ...]], dict[str, str]]:
        """`Prepared.absorbed` and `Prepared.makes` under the names that ops now have."""
        absorbed: dict[str, tuple[Absorbed, ...]] = {}
        makes: dict[str, str] = {}
        for site in sites:
            own = self.known.get(site.node)
            taken = list(dict.fromkeys(self._all(site.node)))
            if own is not None and own.id == site.id:
                taken.remove(own)
            if taken:
                absorbed[site.id] = tuple(taken)
            made = self.makes.get(site.node, site.id)
            if made != site.id:
                makes[site.id] = made
        return absorbed, makes

    def _all(self, node: ir.Node) -> Iterable[Absorbed]:
        """The node and all that is part of it, in the order they ran."""
        waiting: list[ir.Node | Absorbed] = [node]
        while waiting:
            each = waiting.pop()
            if isinstance(each, Absorbed):
                yield each
                continue
            own = [self.known[each]] if each in self.known else []
            parts = [*self.before.get(each, ()), *own, *self.after.get(each, ())]
            waiting += reversed(parts)
