"""Ops that return their input when the model is not training."""

from __future__ import annotations

from ...listing import listed
from ..ir.network import Network, Node, numbers
from ..ir.rebuilding import Rebuilding

PADS = ("Pad", "pad")
IDENTITIES = listed("BlockGrad Dropout _copy _npx_dropout identity stop_gradient")


def drop_identities(network: Network) -> Network:
    """Leave out ops that return their input; an output keeps its name and its op."""
    heads = {index for index, _output in network.heads}
    copy = Rebuilding(network)
    for index, node in enumerate(network.nodes):
        if returns_its_input(node) and index not in heads:
            copy.entries[index, 0] = copy.entries[node.inputs[0]]
        else:
            copy.copy(index)
    return copy.finish()


def returns_its_input(node: Node) -> bool:
    """Whether the op does nothing in inference."""
    if node.op in PADS:
        return not any(numbers(node.attrs.get("pad_width", "")))
    return node.op in IDENTITIES and node.attrs.get("mode", "training") == "training"
