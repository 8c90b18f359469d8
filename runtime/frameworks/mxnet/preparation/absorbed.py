"""A network's ops, as the ledger of absorbed names knows them.

By name, as users know them: two ops of one name share what becomes of them.
"""

from __future__ import annotations

from ...absorbed import Absorbed, Ledger, Original, Told
from ..ir.network import Network, Node

Names = Ledger[str]


def ledger_of(network: Network) -> Names:
    """A ledger of the network as it is before any pass."""
    nodes = network.nodes
    return Ledger(
        tuple(
            Original(node.name, _name(node), _sources(network, node))
            for node in nodes
            if not node.variable
        )
    )


def told(ledger: Names, network: Network) -> Told:
    """Where all names went, once the passes are done."""
    ops = (node for node in network.nodes if not node.variable)
    return ledger.told({node.name: _name(node) for node in ops})


def _sources(network: Network, node: Node) -> tuple[str, ...]:
    sources = (network.nodes[source] for source, _output in node.inputs)
    return tuple(source.name for source in sources if not source.variable)


def _name(node: Node) -> Absorbed:
    return Absorbed(node.name, node.op)
