"""Which tensor arguments of an op take its precision."""

from __future__ import annotations

from collections.abc import Iterator

from torch import fx

from ....graph.graph import Kind
from . import nodes

FIXED_SLOTS: dict[str, frozenset[str]] = {
    # The kernels take fp32 statistics beside a 16-bit input, and rounding them once
    # would move every activation of the channel by the same amount.
    "batch_norm": frozenset({"weight", "bias", "running_mean", "running_var"}),
    "instance_norm": frozenset({"running_mean", "running_var"}),
}
"""Operator name → schema arguments whose dtype does not follow the op's precision."""


def slots(node: fx.Node) -> Iterator[tuple[fx.Node, bool]]:
    """The node's tensor arguments in order, each with "takes the op's precision".

    Without those that are taken in any precision (`taken_as_held`).
    """
    held = set(taken_as_held(node))
    fixed = FIXED_SLOTS.get(nodes.operator_name(node), frozenset())
    follows = nodes.kind(node) is not Kind.FIXED
    for name, value in nodes.arguments(node):
        for leaf in value if isinstance(value, (tuple, list)) else (value,):
            if not isinstance(leaf, fx.Node) or not nodes.is_tensor(leaf):
                continue
            if leaf not in held:
                yield leaf, follows and name not in fixed


def taken_as_held(node: fx.Node) -> Iterator[fx.Node]:
    """What the op reads in whatever precision it is held in: the floats of a quantize."""
    if nodes.quantizes(node):
        read = node.args[0] if node.args else node.kwargs["input"]
        assert isinstance(read, fx.Node)
        yield read
