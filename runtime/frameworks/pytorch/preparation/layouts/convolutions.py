"""Convolutions in channels-last, the layout that CPU kernels compute in.

A contiguous convolution is reordered to blocks and back by oneDNN on every call. With
the weight in channels-last the output is too, and pointwise ops and pools keep it, so
one reordering at the graph's entrance remains. Measured in benchmarks/pytorch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import fx

from ...ir import nodes
from ...ir.prepared import attribute, is_constant, replace_constant

CONVOLUTIONS = frozenset({"conv2d", "convolution", "conv_transpose2d"})

Laid = dict[int, tuple[torch.Tensor, torch.Tensor]]
"""A weight's identity → it, kept alive so that no other gets its id, and its layout."""


def lay_convolutions(modules: Sequence[fx.GraphModule]) -> bool:
    """Lay 4-dimensional convolution weights out in channels-last; whether any was."""
    laid: Laid = {}
    for module in modules:
        for node in module.graph.nodes:
            if nodes.is_op(node) and nodes.operator_name(node) in CONVOLUTIONS:
                _lay(module, node, laid)
    return bool(laid)


def _lay(module: fx.GraphModule, node: fx.Node, laid: Laid) -> None:
    """Lay one weight out; what regions share, they share in the new layout too."""
    weight = dict(nodes.arguments(node))["weight"]
    if not is_constant(weight) or weight.meta["val"].dim() != 4:
        return
    old = attribute(module, weight)
    if id(old) not in laid:
        new = old.detach().contiguous(memory_format=torch.channels_last)
        laid[id(old)] = laid[id(new)] = old, new
    replace_constant(module, weight, laid[id(old)][1])
