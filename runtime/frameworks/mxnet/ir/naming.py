"""What ops and tensors are called: an op is its node's name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from .network import Entry, Network


@dataclass(frozen=True)
class Names:
    """What users call the nodes and tensors of a network."""

    network: Network

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Node → its name; where several have one, `:1`, `:2` follow it."""
        taken: set[str] = set()
        found = []
        for node in self.network.nodes:
            name, k = node.name, 0
            while name in taken:
                k += 1
                name = f"{node.name}:{k}"
            taken.add(name)
            found.append(name)
        return tuple(found)

    def tensor(self, entry: Entry) -> str:
        """The op's id, with `#k` for output k of several; a variable's own name."""
        index, output = entry
        name = self.ids[index]
        return f"{name}#{output}" if self.network.nodes[index].outputs > 1 else name
