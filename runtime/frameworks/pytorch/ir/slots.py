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
    """The node's tensor arguments in order, each with "takes the op's precision"."""
    fixed = FIXED_SLOTS.get(nodes.operator_name(node), frozenset())
    follows = nodes.kind(node) is not Kind.FIXED
    for name, value in nodes.arguments(node):
        for leaf in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(leaf, fx.Node) and nodes.is_tensor(leaf):
                yield leaf, follows and name not in fixed
