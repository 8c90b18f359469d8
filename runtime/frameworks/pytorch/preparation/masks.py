"""An attention mask that hides nothing is no mask."""

from __future__ import annotations

import torch
from torch import fx

from ...listing import listed
from ..ir import nodes
from ..ir.prepared import Prepared, constant, is_constant

SELECTING = listed("clone contiguous expand expand_as reshape slice unsqueeze view")
"""Operators whose output holds nothing but values of their first input."""


def drop_open_masks(prepared: Prepared) -> None:
    """Call attention without a mask where the mask is constant and all True.

    Models that take a mask make one where none is given, and kernels read it.
    """
    for node in prepared.module.graph.nodes:
        if not nodes.is_op(node):
            continue
        if nodes.operator_name(node) != "scaled_dot_product_attention":
            continue
        mask = dict(nodes.arguments(node)).get("attn_mask")
        if isinstance(mask, fx.Node) and _is_open(prepared.module, mask):
            node.args = tuple(None if each is mask else each for each in node.args)
            node.kwargs = {k: v for k, v in node.kwargs.items() if v is not mask}


def _is_open(module: fx.GraphModule, mask: fx.Node) -> bool:
    while not is_constant(mask):
        if not nodes.is_op(mask) or nodes.operator_name(mask) not in SELECTING:
            return False
        source = mask.args[0]
        assert isinstance(source, fx.Node)
        mask = source
    value = constant(module, mask)
    return value.dtype == torch.bool and bool(value.all())
