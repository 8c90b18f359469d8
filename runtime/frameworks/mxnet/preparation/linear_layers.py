"""Products with a constant become dense layers, which have kernels in 16 bits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..ir.network import Network, Node
from ..ir.rebuilding import Rebuilding

DOT = "dot"


def write_dense(network: Network) -> Network:
    """`dot(x, W)` as `FullyConnected(x, Wᵀ)`; names and pins on the type stay."""
    copy = Rebuilding(network)
    for index, node in enumerate(network.nodes):
        if not _is_dense(network, node):
            copy.copy(index)
            continue
        data, (weight, _output) = node.inputs
        values = network.parameters[network.nodes[weight].name]
        if not node.flag("transpose_b"):
            values = np.ascontiguousarray(values.T)
        made = copy.add_parameter(f"{node.name}_weight", values)
        attrs = {
            "num_hidden": str(values.shape[0]),
            "no_bias": "True",
            "flatten": "False",
        }
        inputs = (copy.entries[data], (made, 0))
        dense = replace(node, op="FullyConnected", attrs=attrs, inputs=inputs)
        copy.entries[index, 0] = copy.add(dense), 0
    return copy.finish()


def _is_dense(network: Network, node: Node) -> bool:
    """One row or more, times a matrix of its own."""
    if node.op != DOT or node.flag("transpose_a"):
        return False
    (data, _k), (weight, _output) = node.inputs
    if network.constant(data) or not network.constant(weight):
        return False
    values = network.parameters[network.nodes[weight].name]
    return values.ndim == 2 and values.dtype == np.float32
