"""Which values may lie at the end of a 16-bit format, whatever the batch holds.

A mask of -1e9, or of fp32's lowest number, means "as small as can be". It is written as
a scalar, a constant or comes in from outside, and what is computed from it leaves a
16-bit format's range on rows that no calibration batch need have.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Set
from typing import Any

import torch
from torch import fx

from .....graph.graph import Kind
from ....listing import listed
from .. import nodes
from ..prepared import attribute, is_constant
from ..regions import bodies, operands
from .weights import value_arguments

BOUNDED = listed(
    """
    _softmax atan batch_norm cos erf exp group_norm hardsigmoid instance_norm layer_norm
    reciprocal rms_norm sigmoid sign sin softmax tanh
    """
)
"""Whatever they take, what they make is ordinary."""

PASSING = listed(
    """
    _log_softmax elu gelu hardswish leaky_relu log_softmax logsumexp mean mish selu silu
    softplus
    """
)
"""Pointwise operators that make nothing larger than what they take."""

OFFSETS = {
    "addbmm": 0, "addmm": 0, "addmv": 0, "baddbmm": 0, "linear": 2, "conv1d": 2,
    "conv2d": 2, "conv3d": 2,
}  # fmt: skip
"""Contraction → which argument is added to the products."""

MIXING = listed("add clone expand mul neg rsub sub to unsqueeze view where")
"""Between a mask as it comes in and the softmax that it is for."""


def extremes(module: fx.GraphModule, dtype: torch.dtype) -> frozenset[fx.Node]:
    """The nodes, those in bodies too, that may hold what `dtype` has no room beside."""
    return frozenset(_found(module, dtype, _masks_from_outside(module)))


def scalar_beyond(node: fx.Node, dtype: torch.dtype) -> bool:
    """Whether an op has a finite scalar larger than half of what `dtype` holds.

    Or divides by one so small that ones become as large.
    """
    limit = torch.finfo(dtype).max / 2
    divides = nodes.operator_name(node) == "div"
    return any(
        limit < abs(value) < math.inf or (divides and 0 < abs(value) < 1 / limit)
        for value in _scalars(node)
    )


def shrinks(node: fx.Node) -> bool:
    """Whether the op scales by a number that makes nothing larger."""
    name = nodes.operator_name(node)
    factor = node.args[1] if len(node.args) > 1 else None
    if not isinstance(factor, (int, float)):
        return False
    return (name == "mul" and abs(factor) <= 1) or (name == "div" and abs(factor) >= 1)


def _found(
    module: fx.GraphModule, dtype: torch.dtype, given: Set[fx.Node]
) -> Iterator[fx.Node]:
    found = set(given)
    yield from given
    for node in module.graph.nodes:
        if nodes.is_control_flow(node):
            inside, returned = _in_bodies(module, node, dtype, found)
            yield from inside
            extreme = returned
        else:
            extreme = _is_extreme(module, node, dtype, found)
        if extreme and node not in found:
            found.add(node)
            yield node


def _in_bodies(
    module: fx.GraphModule, node: fx.Node, dtype: torch.dtype, found: Set[fx.Node]
) -> tuple[set[fx.Node], bool]:
    """What is extreme in an op's bodies, and whether a result may be."""
    inside: set[fx.Node] = set()
    returned = False
    for body in bodies(module, node).values():
        taken = body.graph.find_nodes(op="placeholder")
        given = {p for o, p in zip(operands(node), taken, strict=False) if o in found}
        extreme = set(_found(body, dtype, given))
        if not extreme.isdisjoint(body.graph.output_node().all_input_nodes):
            returned = True  # a loop takes it again
            extreme = set(_found(body, dtype, {p for p in taken if _is_float(p)}))
        inside |= extreme
    return inside, returned


def _is_extreme(
    module: fx.GraphModule, node: fx.Node, dtype: torch.dtype, found: Set[fx.Node]
) -> bool:
    if is_constant(node):
        return _is_float(node) and _reach(module, node) > torch.finfo(dtype).max / 2
    if nodes.is_getitem(node):
        return node.args[0] in found and _is_float(node)
    if not nodes.is_op(node) or not _is_float(node):
        return False
    name, kind = nodes.operator_name(node), nodes.kind(node)
    if name in BOUNDED:
        return False
    if kind is Kind.COMPUTE:
        return _offset(node) in found
    return scalar_beyond(node, dtype) or not found.isdisjoint(node.all_input_nodes)


def _offset(node: fx.Node) -> Any:
    place = OFFSETS.get(nodes.operator_name(node))
    given = [value for _name, value in nodes.arguments(node)]
    return given[place] if place is not None and place < len(given) else None


def _masks_from_outside(module: fx.GraphModule) -> frozenset[fx.Node]:
    """Float inputs that are added to scores: nothing says what they may hold."""
    waiting = [
        source
        for node in filter(nodes.is_op, module.graph.nodes)
        for source in _hidden_by(node)
    ]
    seen: set[fx.Node] = set()
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if nodes.is_op(node) and _mixes(node):
            waiting += node.all_input_nodes
    return frozenset(n for n in seen if n.op == "placeholder" and _is_float(n))


def _hidden_by(node: fx.Node) -> Iterable[fx.Node]:
    """What an op hides keys with: a mask of attention, the scores of a softmax."""
    name, taken = nodes.operator_name(node), dict(nodes.arguments(node))
    mask: Any = None
    if name == "scaled_dot_product_attention":
        mask = taken.get("attn_mask")
    elif name in ("softmax", "log_softmax"):
        mask = node.args[0]
    return (mask,) if isinstance(mask, fx.Node) else ()


def _mixes(node: fx.Node) -> bool:
    return nodes.operator_name(node) in MIXING or nodes.kind(node) is Kind.MOVER


def _scalars(node: fx.Node) -> Iterator[float]:
    """The numbers among an op's arguments that are values, not sizes or places."""
    values = value_arguments(node.target)
    for name, value in nodes.arguments(node):
        if name in values and type(value) in (int, float):
            yield float(value)


def _reach(module: fx.GraphModule, node: fx.Node) -> float:
    """The largest finite magnitude of a constant, found once."""
    value = attribute(module, node)
    known = node.meta.get("reach")
    if known is None or known[0] != id(value):
        known = node.meta["reach"] = (id(value), _largest(value.detach()))
    return float(known[1])


def _largest(value: torch.Tensor) -> float:
    if not value.numel():
        return 0.0
    least, most = torch.aminmax(value)
    largest = max(-float(least), float(most))
    if not math.isfinite(largest):
        value = value.masked_fill(~value.isfinite(), 0)
        largest = float(value.abs().max())
    return largest


def _is_float(node: fx.Node) -> bool:
    leaves = torch.utils._pytree.tree_leaves(node.meta.get("val"))
    return any(isinstance(v, torch.Tensor) and v.is_floating_point() for v in leaves)
