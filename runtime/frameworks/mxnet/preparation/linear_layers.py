"""Products with a constant become dense layers, which have kernels in 16 bits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...norms import in_range
from ..ir.arrays import Values
from ..ir.network import Network, Node
from ..ir.rebuilding import Rebuilding

DOT = "dot"
PRODUCTS = (DOT, "_linalg_gemm2", "linalg_gemm2")
"""Of the latter, which ONNX's MatMul and Gemm become, the sides have as many axes."""


def write_dense(network: Network) -> Network:
    """`dot(x, W)` as `FullyConnected(x, Wᵀ)`; names and pins on the type stay."""
    copy = Rebuilding(network)
    for index, node in enumerate(network.nodes):
        if not _is_dense(network, node):
            copy.copy(index)
            continue
        data = node.inputs[0]
        values = _weight(network, node)
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


def _weight(network: Network, node: Node) -> Values:
    """A row for each output, times what the product is multiplied by."""
    weight, _output = node.inputs[1]
    values = network.parameters[network.nodes[weight].name]
    if not node.flag("transpose_b"):
        values = values.T
    factor = 1.0 if node.op == DOT else float(node.attrs.get("alpha", "1"))
    scaled = values if factor == 1.0 else values.astype(np.float64) * factor
    return np.ascontiguousarray(scaled, np.float32)


def _is_dense(network: Network, node: Node) -> bool:
    """One row or more, times a matrix of its own."""
    if node.op not in PRODUCTS or node.flag("transpose_a"):
        return False
    (data, _k), (weight, _output) = node.inputs
    if network.constant(data) or not network.constant(weight):
        return False
    values = network.parameters[network.nodes[weight].name]
    plain = values.ndim == 2 and values.dtype == np.float32
    return plain and in_range(_weight(network, node))
