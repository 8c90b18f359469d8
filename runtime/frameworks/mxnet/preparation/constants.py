"""Compute once, offline, what depends on parameters alone."""

from __future__ import annotations

import numpy as np

from ..ir.arrays import Values, on_device
from ..ir.library import mx
from ..ir.network import Network, Node
from ..ir.operators import CONTROL_FLOW, CREATORS, draws
from ..ir.rebuilding import Rebuilding
from ..running.interpreter import invoke

LARGEST_GROWTH = 2**20
"""Bytes that a folded constant may be larger than what it is made from."""

Known = dict[int, list[Values]]
"""Node → its outputs, where these are constant."""


def fold_constants(network: Network) -> Network:
    """Replace ops on parameters alone by their values: packed or reshaped weights."""
    known = _known(network)
    copy = Rebuilding(network)
    for index, node in enumerate(network.nodes):
        if index not in known or network.constant(index):
            copy.copy(index)
        elif not all(reader in known for reader in network.readers.get(index, ())):
            _store(copy, index, node, known[index])
    return copy.finish()


def _known(network: Network) -> Known:
    known: Known = {}
    heads = {index for index, _output in network.heads}
    for index, node in enumerate(network.nodes):
        if network.constant(index):
            known[index] = [network.parameters[node.name]]
        elif index not in heads and _foldable(node, known):
            outputs = _folded(node, [known[source][k] for source, k in node.inputs])
            if outputs is not None:
                known[index] = outputs
    return known


def _store(copy: Rebuilding, index: int, node: Node, outputs: list[Values]) -> None:
    """Make parameters of a node's outputs, which have its name."""
    for k, values in enumerate(outputs):
        name = node.name if node.outputs == 1 else f"{node.name}_{k}"
        copy.names.discard(node.name)
        copy.entries[index, k] = copy.add_parameter(name, values), 0


def _foldable(node: Node, known: Known) -> bool:
    return (
        bool(node.inputs)
        and node.op not in CONTROL_FLOW
        and node.op not in CREATORS
        and not draws(node)
        and all(source in known for source, _k in node.inputs)
    )


def _folded(node: Node, inputs: list[Values]) -> list[Values] | None:
    """None where the op fails, or makes much out of little."""
    try:
        outputs = invoke(
            node, [on_device(np.ascontiguousarray(each)) for each in inputs]
        )
        values = [each.asnumpy() for each in outputs]
    except mx.base.MXNetError:
        return None
    grown = sum(each.nbytes for each in values) - sum(each.nbytes for each in inputs)
    return None if grown > LARGEST_GROWTH else values
