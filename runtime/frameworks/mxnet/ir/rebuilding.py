"""A network changes: node by node into a new one, without what nobody needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .arrays import Values
from .network import VARIABLE, Entry, Network, Node


class Rebuilding:
    """A copy of a network, node by node; entries of the old one map to the new's."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.nodes: list[Node] = []
        self.entries: dict[Entry, Entry] = {}
        self.names = {node.name for node in network.nodes}
        self.parameters: dict[str, Values] = {}

    def add(self, node: Node) -> int:
        """Append a node whose inputs are entries of the copy."""
        self.nodes.append(node)
        return len(self.nodes) - 1

    def add_parameter(self, name: str, values: Values, like: Node | None = None) -> int:
        """Append a parameter; `name` is made new where it is taken."""
        attrs = {} if like is None else like.attrs
        unique = self.new_name(name)
        self.parameters[unique] = values
        return self.add(Node(VARIABLE, unique, attrs))

    def new_name(self, name: str) -> str:
        """A name that no node has."""
        found, k = name, 1
        while found in self.names:
            k += 1
            found = f"{name}_{k}"
        self.names.add(found)
        return found

    def mapped(self, inputs: Sequence[Entry]) -> tuple[Entry, ...]:
        return tuple(self.entries[entry] for entry in inputs)

    def copy(self, index: int) -> int:
        """Append node `index` as it is."""
        node = self.network.nodes[index]
        made = self.add(replace(node, inputs=self.mapped(node.inputs)))
        for k in range(node.outputs):
            self.entries[index, k] = made, k
        return made

    def finish(self) -> Network:
        """The copy, without what no output needs."""
        parameters = {**self.network.parameters, **self.parameters}
        heads = self.mapped(self.network.heads)
        copy = replace(
            self.network, nodes=tuple(self.nodes), heads=heads, parameters=parameters
        )
        return live(copy)


def live(network: Network) -> Network:
    """The network without nodes that no output needs; inputs are its signature."""
    keep = set(network.inputs) | {index for index, _k in network.heads}
    for index in reversed(range(len(network.nodes))):
        if index in keep:
            keep.update(source for source, _output in network.nodes[index].inputs)
    if len(keep) == len(network.nodes):
        return network
    new = {old: k for k, old in enumerate(sorted(keep))}

    def moved(entries: Sequence[Entry]) -> tuple[Entry, ...]:
        return tuple((new[index], output) for index, output in entries)

    stayed = [network.nodes[old] for old in new]
    nodes = tuple(replace(node, inputs=moved(node.inputs)) for node in stayed)
    names = {node.name for node in nodes if node.variable}
    return replace(
        network,
        nodes=nodes,
        heads=moved(network.heads),
        parameters={k: v for k, v in network.parameters.items() if k in names},
        auxiliary=network.auxiliary & names,
    )
