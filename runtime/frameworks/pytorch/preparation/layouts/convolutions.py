"""Convolutions in channels-last, the layout that CPU kernels compute in.

A contiguous convolution is reordered to blocks and back by oneDNN on every call. With
the weight in channels-last the output is too, and pointwise ops and pools keep it, so
one reordering at the graph's entrance remains. Measured in benchmarks/pytorch.
"""

from __future__ import annotations

import torch
from torch import fx

from ...ir import nodes
from ...ir.prepared import Prepared, attribute, is_constant, replace_constant
from ...ir.regions import regions

CONVOLUTIONS = frozenset({"conv2d", "convolution", "conv_transpose2d"})

Laid = dict[int, tuple[torch.Tensor, torch.Tensor]]
"""A weight's identity → it, kept alive so that no other gets its id, and its layout."""


def channels_last(prepared: Prepared) -> None:
    """Lay 4-dimensional convolution weights out in channels-last.

    `view` asks for strides that a channels-last tensor lacks, so it becomes `reshape`,
    which copies where it must; the op keeps its id.

    Not where a branch or a loop gives tensors of more than two dimensions: torch wants
    all branches to return, and all iterations to take, the same strides.
    """
    modules = [region.module for region in regions(prepared.module, prepared.ids)]
    every = [(module, node) for module in modules for node in module.graph.nodes]
    laid: Laid = {}
    if any(_gives_layout(node) for _module, node in every):
        return
    for module, node in every:
        if nodes.is_op(node) and nodes.operator_name(node) in CONVOLUTIONS:
            _lay(module, node, laid)
    for _module, node in every:
        if laid and node.target in (
            torch.ops.aten.view.default,
            torch.ops.aten._unsafe_view.default,
        ):
            node.target = torch.ops.aten.reshape.default
    for module in modules:
        module.recompile()


def _gives_layout(node: fx.Node) -> bool:
    if not nodes.is_control_flow(node):
        return False
    return any(result.meta["val"].dim() > 2 for result in nodes.made(node))


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
