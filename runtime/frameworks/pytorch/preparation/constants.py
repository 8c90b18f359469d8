"""Compute once, offline, what depends on no input."""

from __future__ import annotations

import re

import torch
from torch import fx

from ..ir import nodes
from ..ir.prepared import Prepared, add_constant, constant, is_constant

LARGEST_GROWTH = 1 << 20
"""Bytes by which a folded constant may exceed what it was made of."""


def fold_constants(prepared: Prepared) -> None:
    """Replace every deterministic op on constants alone by its value."""
    module = prepared.module
    for node in list(module.graph.nodes):
        if not nodes.is_op(node) or not _foldable(node):
            continue
        sources = [constant(module, n) for n in node.all_input_nodes]
        value = _value(module, node)
        if value is None or _bytes(value) > sum(map(_bytes, sources)) + LARGEST_GROWTH:
            continue
        name = re.sub(r"\W+", "_", prepared.ids[node.name])
        folded = add_constant(module, f"folded_{name}", value, node)
        node.replace_all_uses_with(folded)
        module.graph.erase_node(node)


def _foldable(node: fx.Node) -> bool:
    tags = getattr(node.target, "tags", ())
    return (
        nodes.is_tensor(node)
        and not nodes.dequantizes(node)  # the kernel wants the weight in int8
        and torch.Tag.nondeterministic_seeded not in tags
        and all(is_constant(n) for n in node.all_input_nodes)
    )


def _value(module: fx.GraphModule, node: fx.Node) -> torch.Tensor | None:
    def load(n: fx.Node) -> torch.Tensor:
        return constant(module, n)

    target = node.target
    if not callable(target):
        return None
    with torch.no_grad():
        result = target(*fx.map_arg(node.args, load), **fx.map_arg(node.kwargs, load))
    return result.clone() if isinstance(result, torch.Tensor) else None


def _bytes(value: torch.Tensor) -> int:
    return value.numel() * value.element_size()
