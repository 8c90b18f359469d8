"""Convolutions that must have a bias."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ...ir.naming import constant
from ...ir.weights import register
from ..casts import Versions

BIAS = 2

LEAST = np.float32(1e-30)
"""It changes no sum, and is not taken away as zeros are."""


def fill(node: ir.Node, channels: int, versions: Versions) -> None:
    """Give a convolution in int8 a bias that adds nothing, if it has none or zeros.

    Only where what it makes is read more than once, or is returned.
    """
    (made,) = node.outputs
    if len(made.uses()) < 2 and not made.is_graph_output():
        return
    bias = node.inputs[BIAS] if len(node.inputs) > BIAS else None
    held = None if bias is None else constant(bias)
    if bias is not None and (held is None or np.any(held.numpy())):
        return
    tensor = ir.Tensor(np.full(channels, LEAST))
    tensor.name = versions.named(f"{made.name}_bias")
    if bias is None:
        node.resize_inputs(BIAS + 1)
    node.replace_input_with(BIAS, register(versions.main, tensor))
