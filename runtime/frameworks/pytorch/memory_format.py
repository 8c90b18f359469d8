"""Convolutions in channels-last, the layout that CPU kernels compute in.

A contiguous convolution is reordered to blocks and back by oneDNN on every call. With
the weight in channels-last the output is too, and pointwise ops and pools keep it, so
one reordering at the graph's entrance remains. Measured in benchmarks/pytorch.
"""

from __future__ import annotations

import torch
from torch import fx

from . import nodes
from .prepared import Prepared, constant, is_constant, replace_constant

CONVOLUTIONS = frozenset({"conv2d", "convolution", "conv_transpose2d"})


def channels_last(prepared: Prepared) -> None:
    """Lay 4-dimensional convolution weights out in channels-last.

    `view` asks for strides that a channels-last tensor lacks, so it becomes `reshape`,
    which copies where it must; the op keeps its id.

    Not where such tensors enter or leave a branch or a loop: torch wants all branches
    to return, and all iterations to take, the same layout.
    """
    module = prepared.module
    if any(map(_crosses_border, filter(nodes.is_control_flow, module.graph.nodes))):
        return
    changed = [n for n in module.graph.nodes if _is_convolution(n) and _lay(module, n)]
    if not changed:
        return
    for node in module.graph.nodes:
        if node.target in (
            torch.ops.aten.view.default,
            torch.ops.aten._unsafe_view.default,
        ):
            node.target = torch.ops.aten.reshape.default


def _crosses_border(node: fx.Node) -> bool:
    taken = [operand for operand, _follows in nodes.slots(node)]
    return any(n.meta["val"].dim() == 4 for n in (*taken, *nodes.made(node)))


def _is_convolution(node: fx.Node) -> bool:
    return nodes.is_op(node) and nodes.operator_name(node) in CONVOLUTIONS


def _lay(module: fx.GraphModule, node: fx.Node) -> bool:
    weight = dict(nodes.arguments(node))["weight"]
    if not is_constant(weight) or weight.meta["val"].dim() != 4:
        return False
    value = constant(module, weight).contiguous(memory_format=torch.channels_last)
    replace_constant(module, weight, value)
    return True
