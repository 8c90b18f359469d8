"""MXNet's symbol as a network, in which what oneDNN fused in floats is plain again.

MXNet quantizes what was fused before; what it leaves in floats stays fused. Executors
fuse such ops by themselves, in bf16 too, so nothing is lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..arrays import Values
from ..network import Entry, Network, Node, from_json, with_outputs
from .nodes import FUSED, on_integers


def canonical(found: Any, parameters: Mapping[str, Values]) -> Network:
    """The network of MXNet's symbol, casts included; unused parameters are dropped."""
    own = from_json(found.tojson(remove_amp_cast=False))
    network = _unfused(own)
    return with_outputs(network, parameters, found if network is own else None)


def _unfused(network: Network) -> Network:
    if not any(node.op in FUSED for node in network.nodes):
        return network
    nodes: list[Node] = []
    places: dict[int, int] = {}
    written: dict[int, Entry] = {}

    def moved(entries: Sequence[Entry]) -> tuple[Entry, ...]:
        return tuple(
            written[source] if source in written else (places[source], k)
            for source, k in entries
        )

    for index, node in enumerate(network.nodes):
        inputs = moved(node.inputs)
        if node.op in FUSED and not on_integers(node.op, node.attrs):
            written[index] = _written_out(node, inputs, nodes)
        else:
            places[index] = len(nodes)
            nodes.append(replace(node, inputs=inputs))
    heads = moved(network.heads)
    return replace(network, nodes=tuple(nodes), heads=heads)


def _written_out(node: Node, inputs: tuple[Entry, ...], nodes: list[Node]) -> Entry:
    """Append the nodes of a body; the entry that the body returns."""
    body = from_json(json.dumps(node.bodies[0]))
    given = iter(inputs)
    own: dict[int, int] = {}
    outer: dict[int, Entry] = {}
    for index, each in enumerate(body.nodes):
        if each.variable:
            outer[index] = next(given)
            continue
        taken = tuple(
            outer[source] if source in outer else (own[source], k)
            for source, k in each.inputs
        )
        nodes.append(replace(each, inputs=taken))
        own[index] = len(nodes) - 1
    source, k = body.heads[0]
    return own[source], k
