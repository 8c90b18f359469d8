"""Ops that return their input when the model is not training."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import fx
from torch.fx.experimental.symbolic_shapes import statically_known_true

from ...listing import listed
from ..ir import nodes
from ..ir.prepared import Prepared

IDENTITIES = listed(
    """
    _assert_tensor_metadata alias alpha_dropout detach dropout feature_dropout
    lift_fresh_copy
    """
)
"""Return their input when the model is not training."""

COPIES = frozenset(["_to_copy", "clone", "to", "type_as"])
"""Return their input where its dtype and its layout stay as they are."""


def drop_identities(prepared: Prepared) -> None:
    """Remove ops that return their input."""
    for node in list(prepared.module.graph.nodes):
        if not nodes.is_op(node) or not _returns_its_input(node):
            continue
        if nodes.made(node):
            node.replace_all_uses_with(node.args[0])
        prepared.module.graph.erase_node(node)


def _returns_its_input(node: fx.Node) -> bool:
    name = nodes.operator_name(node)
    taken = node.args[0] if node.args else None
    if isinstance(taken, fx.Node) and "state" in taken.meta:
        return False  # the buffer is written later, and who asked for a copy keeps it
    if name in IDENTITIES:
        return not dict(nodes.arguments(node)).get("train")
    if name == "slice":
        return _keeps_all(dict(nodes.arguments(node)))
    if name not in COPIES or not isinstance(taken, fx.Node):
        return False
    return _same_form(taken.meta["val"], node.meta["val"])


def _keeps_all(slice_: Mapping[str, Any]) -> bool:
    """Whether a slice is `[:]`."""
    end = slice_.get("end")
    return (
        not slice_.get("start")
        and (end is None or (isinstance(end, int) and end >= sys.maxsize))
        and slice_.get("step", 1) == 1
    )


def _same_form(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Equal dtype, device and strides, whatever the dynamic sizes turn out to be."""
    return (
        one.dtype == other.dtype
        and one.device == other.device
        and all(
            statically_known_true(a == b)
            for a, b in zip(one.stride(), other.stride(), strict=True)
        )
    )
