"""`addmm` with a trained weight is a linear layer with its weight transposed."""

from __future__ import annotations

import torch
from torch import fx

from ..ir.prepared import Prepared, constant, is_constant, replace_constant


def write_linear(prepared: Prepared) -> None:
    """Write `addmm(bias, x, w)` as `linear(x, wᵀ, bias)`, w transposed offline.

    So transformers' Conv1D gets the kernels that linear layers have; ids stay.
    """
    module = prepared.module
    for node in module.graph.nodes:
        if node.target is not torch.ops.aten.addmm.default or not _is_layer(node):
            continue
        bias, rows, weight = node.args
        transposed = constant(module, weight).t().contiguous()
        replace_constant(module, weight, transposed)
        node.target = torch.ops.aten.linear.default
        node.args = (rows, weight, bias)


def _is_layer(node: fx.Node) -> bool:
    if node.kwargs or len(node.args) != 3:
        return False
    bias, _rows, weight = node.args
    return (
        is_constant(bias)
        and is_constant(weight)
        and isinstance(bias, fx.Node)
        and isinstance(weight, fx.Node)
        and bias.meta["val"].dim() == 1
        and len(weight.users) == 1
        and bias.meta["val"].shape[0] == weight.meta["val"].shape[1]
    )
