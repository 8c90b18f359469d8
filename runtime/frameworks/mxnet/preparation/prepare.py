"""Passes over the network that change its form and not what it computes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..ir.arrays import Values, on_device
from ..ir.library import mx
from ..ir.network import Network, Node
from ..ir.operators import CONTROL_FLOW, CREATORS, FIXED_PARTS
from ..ir.prepared import Prepared
from ..ir.rebuilding import Rebuilding
from ..running.interpreter import invoke
from .norms import fold_batch_norms
from .products import write_dense

IDENTITIES = frozenset(
    ["BlockGrad", "Dropout", "_copy", "_npx_dropout", "identity", "stop_gradient"]
)
"""Return their input when the model is not training."""

LARGEST_GROWTH = 2**20
"""Bytes that a folded constant may be larger than what it is made from."""


def drop_identities(prepared: Prepared) -> Prepared:
    """Leave out ops that return their input; an output keeps its name and its op."""
    network = prepared.network
    heads = {index for index, _output in network.heads}
    copy = Rebuilding(network)
    for index, node in enumerate(network.nodes):
        if returns_its_input(node) and index not in heads:
            copy.entries[index, 0] = copy.entries[node.inputs[0]]
        else:
            copy.copy(index)
    return replace(prepared, network=copy.finish())


def returns_its_input(node: Node) -> bool:
    """Whether the op does nothing in inference."""
    return node.op in IDENTITIES and node.attrs.get("mode", "training") == "training"


def fold_constants(prepared: Prepared) -> Prepared:
    """Compute what depends on parameters alone: packed weights, weights reshaped."""
    network = prepared.network
    copy = Rebuilding(network)
    known: dict[int, list[Values]] = {}
    heads = {index for index, _output in network.heads}
    for index, node in enumerate(network.nodes):
        if network.constant(index):
            known[index] = [network.parameters[node.name]]
        elif (
            _foldable(node)
            and index not in heads
            and all(source in known for source, _k in node.inputs)
        ):
            made = _folded(node, [known[source][k] for source, k in node.inputs])
            if made is not None:
                known[index] = made
    for index, node in enumerate(network.nodes):
        if index not in known or network.constant(index):
            copy.copy(index)
            continue
        if all(reader in known for reader in network.readers.get(index, ())):
            continue
        for k, values in enumerate(known[index]):
            name = node.name if node.outputs == 1 else f"{node.name}_{k}"
            copy.names.discard(node.name)
            copy.entries[index, k] = copy.add_parameter(name, values), 0
    return replace(prepared, network=copy.finish())


def _foldable(node: Node) -> bool:
    random = any(part in node.op for part in FIXED_PARTS) or "shuffle" in node.op
    return (
        bool(node.inputs)
        and node.op not in CONTROL_FLOW
        and node.op not in CREATORS
        and not random
    )


def _folded(node: Node, inputs: list[Values]) -> list[Values] | None:
    """None where the op fails, or makes much out of little."""
    try:
        made = invoke(node, [on_device(np.ascontiguousarray(each)) for each in inputs])
        found = [each.asnumpy() for each in made]
    except mx.base.MXNetError:
        return None
    grown = sum(each.nbytes for each in found) - sum(each.nbytes for each in inputs)
    return None if grown > LARGEST_GROWTH else found


def prepare(network: Network) -> Prepared:
    """Drop identities, fold constants, write dense layers, fold batch norms."""
    prepared = Prepared(network)
    for each in (drop_identities, fold_constants, write_dense, fold_batch_norms):
        prepared = each(prepared)
    return prepared
