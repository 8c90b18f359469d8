"""Activations by rows, where the model turns their axes.

A pointwise op's output lies as its first input does: one transpose at a network's
entrance, and all that is added to it later is added across memory, and copied by each
norm. Attention takes queries, keys and values of any layout whose last axis is whole.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.fx.experimental.symbolic_shapes import statically_known_true

from ...ir import nodes
from ...ir.naming import name_op
from ...ir.prepared import Prepared, is_constant

TURNS = frozenset({"permute", "transpose"})

MEETS = frozenset({"add", "mul", "sub"})
"""Operators whose output lies as their first input does."""


def lay_by_rows(prepared: Prepared) -> bool:
    """Copy what an axis was turned of before it meets what lies by rows.

    Only of three axes: images are laid out channels-last. Where it lies by rows after
    all when it runs, nothing is copied.

    Returns:
        Whether a layout changed.
    """
    changed = False
    for node in list(prepared.module.graph.nodes):
        if not nodes.is_op(node) or nodes.operator_name(node) not in MEETS:
            continue
        operands = [each for each in node.args if isinstance(each, fx.Node)]
        turned = [each for each in operands if _is_turned(each)]
        if len(turned) == 1 and len(operands) == 2:
            (other,) = (each for each in operands if each is not turned[0])
            if _lies_by_rows(other):
                _copy(prepared, turned[0], node)
                changed = True
    return changed


def drop_copies_for_attention(prepared: Prepared) -> bool:
    """Hand attention what it takes in any layout without a copy; whether there was one.

    Its result may lie otherwise then.
    """
    changed = False
    for node in list(prepared.module.graph.nodes):
        if node.target is not torch.ops.aten.contiguous.default or node.kwargs:
            continue
        (source,) = node.args
        if _attends(node) and isinstance(source, fx.Node) and _has_rows(source):
            node.replace_all_uses_with(source)
            prepared.module.graph.erase_node(node)
            changed = True
    return changed


def _attends(node: fx.Node) -> bool:
    """Whether attention alone reads the node, and not as its mask."""
    return bool(node.users) and all(
        user.target is torch.ops.aten.scaled_dot_product_attention.default
        and node in user.args[:3]
        and node not in user.args[3:]
        and node not in user.kwargs.values()
        for user in node.users
    )


def _is_turned(node: fx.Node) -> bool:
    if not nodes.is_op(node) or nodes.operator_name(node) not in TURNS:
        return False
    return node.meta["val"].dim() == 3 and not _has_rows(node)


def _lies_by_rows(node: fx.Node) -> bool:
    """Whether the node is a matrix or more whose last axis is whole."""
    value: Any = node.meta.get("val")
    known = is_constant(node) or nodes.is_tensor(node)
    return known and value.dim() > 1 and _has_rows(node)


def _has_rows(node: fx.Node) -> bool:
    strides = node.meta["val"].stride()
    return bool(strides) and statically_known_true(strides[-1] == 1)


def _copy(prepared: Prepared, turned: fx.Node, reader: fx.Node) -> None:
    target = torch.ops.aten.contiguous.default
    with prepared.module.graph.inserting_after(turned):
        node = prepared.module.graph.call_function(target, (turned,))
    value = target(turned.meta["val"])
    node.meta = {**turned.meta, "val": value, "part": True}
    name_op(prepared, node)
    reader.replace_input_with(turned, node)
    if isinstance(reader.target, torch._ops.OpOverload):
        reader.meta["val"] = torch.empty_like(reader.meta["val"]).contiguous()
