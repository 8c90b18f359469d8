"""Values that are known offline, fitted into a 16-bit format.

A mask of -1e9 means "as small as can be"; fp16's smallest serves as well. As -inf it
would make NaN of a row that is masked in full, and as a scalar torch refuses it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import fx
from torch._ops import OpOverload

from .....graph.graph import Kind
from .. import nodes

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""Positional and keyword arguments of a call."""

SHIFTED = frozenset({"add", "sub", "rsub"})
"""Operators that add what may be a scalar."""


def stored(value: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A constant in `dtype`; finite values beyond its range become its largest.

    A single number that is not zero stays so: it may be all that a divisor is. Where the
    dtype changes, a matrix is laid out by rows.
    """
    if dtype == value.dtype:
        return value
    new = _fitting(value, dtype)
    return new.contiguous() if new.dim() == 2 else new


def _fitting(value: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    if not (value.is_floating_point() and value.numel()):
        return value.to(dtype)
    if value.numel() == 1:
        return torch.full_like(value, _fit(float(value), dtype)).to(dtype)
    limits = torch.finfo(dtype)
    least, most = torch.aminmax(value)
    if limits.min <= least and most <= limits.max:
        return value.to(dtype)
    clamped = value.clamp(limits.min, limits.max)
    return torch.where(value.isinf(), value, clamped).to(dtype)


def fitted(node: fx.Node, dtype: torch.dtype) -> Arguments:
    """The node's arguments; a mover's scalars, which it only places, within range."""
    if nodes.kind(node) is not Kind.MOVER:
        return node.args, dict(node.kwargs)
    return _with_scalars(node, lambda value: _fit(value, dtype))


def with_shifts(node: fx.Node, dtype: torch.dtype) -> Arguments:
    """The arguments of an op that adds a number to keep a divisor from zero.

    The number stays one in `dtype`. Factors stay as they are: kernels multiply in fp32.
    """
    if nodes.operator_name(node) not in SHIFTED:
        return node.args, dict(node.kwargs)
    end = torch.finfo(dtype).max
    return _with_scalars(node, lambda v: v if abs(v) > end else _fit(v, dtype))


def _with_scalars(node: fx.Node, fit: Callable[[float], float]) -> Arguments:
    target = node.target
    if not isinstance(target, OpOverload):
        return node.args, dict(node.kwargs)
    scalars = value_arguments(target) - {"alpha"}

    def fitting(name: str, value: Any) -> Any:
        number = type(value) in (int, float) and name in scalars
        return fit(value) if number else value

    named = zip(target._schema.arguments, node.args, strict=False)
    args = tuple(fitting(argument.name, value) for argument, value in named)
    return args, {name: fitting(name, value) for name, value in node.kwargs.items()}


def value_arguments(target: object) -> frozenset[str]:
    """An operator's arguments whose numbers are values, not sizes, places or axes."""
    if not isinstance(target, OpOverload):
        return frozenset()
    kinds = ("number", "float", "tensor")  # torch.export leaves `x * 2` a Tensor's
    return frozenset(
        argument.name
        for argument in target._schema.arguments
        if any(kind in str(argument.type).lower() for kind in kinds)
    )


def _fit(value: float, dtype: torch.dtype) -> float:
    """The value within the range; of its sign, and zero only if it is."""
    if not abs(value) < torch.inf:
        return value
    limits = torch.finfo(dtype)
    if abs(value) > limits.max:
        return math.copysign(limits.max, value)
    flushed = value and not torch.tensor(value, dtype=dtype)
    return math.copysign(limits.smallest_normal, value) if flushed else value
