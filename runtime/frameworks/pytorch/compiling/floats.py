"""Convolutions that inductor has wrong int8 kernels for are left to it in floats."""

from __future__ import annotations

import torch
from torch import fx

from ..ir import nodes
from ..ir.values.quantized import breaks

aten = torch.ops.aten

CONVOLUTIONS = frozenset({"conv1d", "conv2d"})


def keep_floats(graph: fx.Graph) -> None:
    """Write in place what they take as plain arithmetic, that no kernel is made of."""
    for node in graph.nodes:
        if not nodes.is_op(node) or nodes.operator_name(node) not in CONVOLUTIONS:
            continue
        taken, _weight = nodes.operands(node)
        if breaks(node):
            node.replace_input_with(taken, _plain(graph, taken, node))


def _plain(graph: fx.Graph, taken: fx.Node, before: fx.Node) -> fx.Node:
    """The values of a dequantize."""
    given = dict(nodes.arguments(taken))
    narrow = {"dtype": taken.meta["val"].dtype}
    value: fx.Node = given["input"]
    with graph.inserting_before(before):
        value = graph.call_function(
            aten._to_copy.default, (value,), {"dtype": torch.float32}
        )
        value = graph.call_function(aten.sub.Tensor, (value, given["zero_point"]))
        value = graph.call_function(aten.mul.Tensor, (value, given["scale"]))
        value = graph.call_function(aten._to_copy.default, (value,), narrow)
    value.meta["val"] = taken.meta["val"]
    return value
