"""What MXNet gives as gradients that are no derivatives, and what to take instead.

Losses ignore the gradient that reaches them, `BlockGrad` stops it, and operators that
round pretend that they don't.
"""

from __future__ import annotations

from dataclasses import replace

from ...listing import listed
from ..ir.network import Node
from ..ir.operators import CONTROL_FLOW, picks, plain_name
from ..ir.quantized.nodes import holds_integers

SAME = listed(
    """
    BlockGrad IdentityAttachKLSparseReg LinearRegressionOutput MAERegressionOutput
    MakeLoss SVMOutput gradientmultiplier make_loss stop_gradient
    """
)
"""Return their first input, and have another gradient than that."""

STEPS = listed("around ceil fix floor rint round round_ste sign sign_ste trunc")
"""Piecewise constant."""


LIKE = listed("broadcast_like identity_with_attr_like_rhs reshape_like slice_like")
"""Take no more than its sizes of their second input."""

SIZES = listed("arange_like ones_like shape_array size_array zeros_like")
"""Take no more of any input."""


def depends(node: Node, slot: int) -> bool:
    """Whether the input's values matter, not only its sizes."""
    name = plain_name(node.op).lstrip("_")
    return name not in SIZES and not (name in LIKE and slot == 1)


def differentiable(node: Node, dimensions: int) -> Node | None:
    """The node, or one that computes the same and whose gradient is its derivative.

    Args:
        dimensions: Of its first input.

    Returns:
        None where there is no derivative to speak of. What takes the node's place takes
        its first input alone.
    """
    name = plain_name(node.op)
    if holds_integers(node.op, node.attrs):
        return None
    if node.op in CONTROL_FLOW or name in STEPS or picks(node):
        return None
    if node.attrs.get("act_type") == "rrelu":  # its gradient ends the process
        return None
    if name in SAME:
        return replace(node, op="_copy", attrs={})
    if name == "LogisticRegressionOutput":
        return replace(node, op="sigmoid", attrs={})
    if name in ("Softmax", "SoftmaxOutput"):
        return _softmax(node, dimensions)
    return node


def _softmax(node: Node, dimensions: int) -> Node | None:
    """Over channels, the last axis, or all but the first, which is not one operator."""
    if node.flag("multi_output"):
        axis = 1
    elif node.flag("preserve_shape") or dimensions == 2:
        axis = -1
    else:
        return None
    return replace(node, op="softmax", attrs={"axis": str(axis)})


def keeps_when_training(node: Node) -> bool:
    """Whether the op computes the same in training, but keeps what its gradient needs.

    Where max-pooling keeps no places, its gradient goes to wrong ones.
    """
    return plain_name(node.op).lower().startswith("pooling")
