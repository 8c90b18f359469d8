"""Values that are known offline, fitted into a 16-bit format.

A mask of -1e9 means "as small as can be"; fp16's smallest serves as well. As -inf it
would make NaN of a row that is masked in full, and as a scalar torch refuses it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch._ops import OpOverload

from ....graph.graph import Kind
from . import nodes


def stored(value: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A constant in `dtype`; finite values beyond its range become its largest."""
    if not (value.is_floating_point() and value.numel()):
        return value.to(dtype)
    limits = torch.finfo(dtype)
    least, most = torch.aminmax(value)
    if limits.min <= least and most <= limits.max:
        return value.to(dtype)
    fitting = value.clamp(limits.min, limits.max)
    return torch.where(value.isinf(), value, fitting).to(dtype)


def fitted(node: fx.Node, dtype: torch.dtype) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The node's arguments; a mover's scalars, which it only places, within range."""
    target = node.target
    if not isinstance(target, OpOverload) or nodes.kind(node) is not Kind.MOVER:
        return node.args, dict(node.kwargs)
    limits = torch.finfo(dtype)
    scalars = {
        argument.name
        for argument in target._schema.arguments
        if "number" in str(argument.type).lower()
    }

    def fit(name: str, value: Any) -> Any:
        finite = isinstance(value, (int, float)) and abs(value) < torch.inf
        if name not in scalars or isinstance(value, bool) or not finite:
            return value
        beyond = value < limits.min or value > limits.max
        return min(max(value, limits.min), limits.max) if beyond else value

    named = zip(target._schema.arguments, node.args, strict=False)
    args = tuple(fit(argument.name, value) for argument, value in named)
    return args, {name: fit(name, value) for name, value in node.kwargs.items()}
