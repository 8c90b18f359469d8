"""Layouts of activations, where the model leaves them open."""

from __future__ import annotations

import torch
from torch import fx

from ...ir import nodes
from ...ir.prepared import Prepared
from ...ir.regions import regions
from .convolutions import lay_convolutions
from .rows import drop_copies_for_attention, lay_by_rows

READ_STRIDES = frozenset({"as_strided", "view_as_complex"})
"""Operators whose result, or right to run, depends on how their input lies."""


def lay_activations(prepared: Prepared) -> None:
    """Lay convolutions out in channels-last and what follows turned axes by rows.

    `view` asks for strides that a tensor may lack then, so it becomes `reshape`, which
    copies where it must; the op keeps its id.

    Not where an op reads strides, nor where a branch or a loop gives tensors of more
    than two dimensions: torch wants all branches to return, and all iterations to take,
    the same strides.
    """
    modules = [region.module for region in regions(prepared.module, prepared.ids)]
    if any(_depends_on_layout(node) for each in modules for node in each.graph.nodes):
        return
    changed = [
        lay_convolutions(modules),
        lay_by_rows(prepared),
        drop_copies_for_attention(prepared),
    ]
    if any(changed):
        for module in modules:
            _loosen_views(module.graph)
            module.recompile()


def _depends_on_layout(node: fx.Node) -> bool:
    if nodes.is_control_flow(node):
        return any(result.meta["val"].dim() > 2 for result in nodes.made(node))
    return nodes.is_op(node) and (
        nodes.operator_name(node) in READ_STRIDES
        or node.target is torch.ops.aten.view.dtype
    )


def _loosen_views(graph: fx.Graph) -> None:
    for node in graph.nodes:
        if node.target in (
            torch.ops.aten.view.default,
            torch.ops.aten._unsafe_view.default,
        ):
            node.target = torch.ops.aten.reshape.default
