"""What one of oneDNN's int8 kernels computes: a product, a sum behind it, a ReLU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..network import VARIABLE, Entry, Network, Node

ADDS = frozenset({"_Plus", "_plus", "elemwise_add"})
CONV, DENSE = "Convolution", "FullyConnected"
FUSED = {CONV: "_sg_mkldnn_conv", DENSE: "_sg_mkldnn_fully_connected"}
UNSIGNED, SIGNED = "uint8", "int8"


@dataclass(frozen=True)
class Chain:
    """What one int8 kernel computes.

    Attributes:
        start: The node that contracts.
        end: The node whose values leave.
        added: What is added to the product, as integers.
        clamped: Whether negative values become 0.
    """

    start: int
    end: int
    added: Entry | None = None
    clamped: bool = False

    @property
    def dtype(self) -> str:
        """oneDNN writes what was clamped without a sign."""
        return UNSIGNED if self.clamped else SIGNED


def clamps(node: Node) -> bool:
    """Whether a node is a ReLU."""
    return node.op == "relu" or (
        node.op == "Activation" and node.attrs.get("act_type") == "relu"
    )


def only_reader(network: Network, index: int) -> int | None:
    """The node that alone takes what a node makes, None of an output of the network."""
    readers = network.readers.get(index, ())
    if len(readers) != 1 or any(source == index for source, _k in network.heads):
        return None
    return readers[0]


PASSING = {
    "Flatten": "_contrib_quantized_flatten",
    "Pooling": "_contrib_quantized_pooling",
    "flatten": "_contrib_quantized_flatten",
}
"""Operators that move integers, and what they are called then."""


def passes(node: Node) -> bool:
    """Whether a node makes no integer that it does not take."""
    return node.op != "Pooling" or node.attrs.get("pool_type", "max") == "max"


def body(network: Network, members: Sequence[int]) -> Network:
    """What a fused node stands for, on variables of its own, operands in its order."""
    nodes: list[Node] = []
    own: dict[int, int] = {}
    for index in members:
        node, inputs = network.nodes[index], list[Entry]()
        for source, k in node.inputs:
            if source in own:
                inputs.append((own[source], k))
            else:
                nodes.append(Node(VARIABLE, f"{network.nodes[source].name}_{k}{index}"))
                inputs.append((len(nodes) - 1, 0))
        if node.op in ADDS:  # the product comes first
            inputs.sort(key=lambda entry: nodes[entry[0]].variable)
        op, attrs = (
            ("Activation", {"act_type": "relu"})
            if clamps(node)
            else (node.op, node.attrs)
        )
        op = "elemwise_add" if op in ADDS else op
        nodes.append(replace(node, op=op, attrs=attrs, inputs=tuple(inputs)))
        own[index] = len(nodes) - 1
    return Network(tuple(nodes), ((len(nodes) - 1, 0),), {})
