"""Zero padding belongs to the convolution that reads it, which pads for nothing."""

from __future__ import annotations

from typing import Any

from torch import fx

from ..ir import nodes
from ..ir.prepared import Prepared

SPATIAL = {"conv1d": 1, "conv2d": 2, "conv3d": 3}
"""Convolution → its number of spatial dimensions."""


def fold_pads(prepared: Prepared) -> None:
    """Drop padding by nothing; give symmetric zero padding to its convolution."""
    for node in list(prepared.module.graph.nodes):
        sizes = _zero_padding(node)
        if sizes is None:
            continue
        if not any(sizes):
            node.replace_all_uses_with(node.args[0])
            prepared.module.graph.erase_node(node)
            continue
        reader = next(iter(node.users)) if len(node.users) == 1 else None
        if reader is not None and _take(reader, node, sizes):
            prepared.ledger.absorb(reader.name, node.name)
            prepared.module.graph.erase_node(node)


def _zero_padding(node: fx.Node) -> list[int] | None:
    """Sizes as `aten.pad` has them, last dimension first; None if it isn't zeros."""
    if not nodes.is_op(node) or nodes.operator_name(node) not in (
        "pad",
        "constant_pad_nd",
    ):
        return None
    taken = dict(nodes.arguments(node))
    sizes = list(taken["pad"])
    constant = taken.get("mode", "constant") == "constant"
    if not constant or taken.get("value") or not all(type(s) is int for s in sizes):
        return None
    return sizes


def _take(reader: fx.Node, pad: fx.Node, sizes: list[int]) -> bool:
    """Add the padding to a convolution's own, if it can have it."""
    spatial = SPATIAL.get(nodes.operator_name(reader)) if nodes.is_op(reader) else None
    if spatial is None or len(sizes) > 2 * spatial:
        return False
    taken: dict[str, Any] = dict(nodes.arguments(reader))
    if taken["input"] is not pad:
        return False
    sizes = sizes + [0] * (2 * spatial - len(sizes))
    before, after = sizes[::2][::-1], sizes[1::2][::-1]
    own = taken.get("padding", 0)
    if before != after or min(before) < 0 or isinstance(own, str):
        return False
    every = [own] * spatial if isinstance(own, int) else list(own)
    every = every * spatial if len(every) == 1 else every
    taken["padding"] = [a + b for a, b in zip(every, before, strict=True)]
    taken["input"] = pad.args[0]
    reader.args, reader.kwargs = (), taken
    return True
