"""What is finite in fp32 stays finite in 16 bits, beside values at the format's end.

The same for the graph that is written and for what is measured: `call` adds a node to
the one, and computes in the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from typing import Any

import torch
from torch import fx

from ....graph.graph import Kind
from ..ir import nodes
from ..ir.values.extremes import PASSING, scalar_beyond, shrinks

aten = torch.ops.aten

Call = Callable[..., Any]
"""Takes an operator and its arguments."""

SUMS = frozenset({"add", "sub"})


def narrowed(value: Any, dtype: torch.dtype, call: Call) -> Any:
    """An fp32 value cast; what is finite and beyond the range lies at its end."""
    end = torch.finfo(dtype).max
    fitting = call(aten.clamp.default, value, -end, end)
    kept = call(aten.where.self, call(aten.isinf.default, value), value, fitting)
    return call(aten._to_copy.default, kept, dtype=dtype)


def before(
    node: fx.Node,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    dtype: torch.dtype,
    extreme: Set[fx.Node],
    call: Call,
) -> tuple[Any, ...]:
    """The op's arguments, by position, in `dtype`.

    Attention adds masks to its scores in fp32, where fp16's end hides no score as
    -1e9 does: a query that sees nothing asks for nothing.
    """
    if nodes.operator_name(node) != "scaled_dot_product_attention":
        return args
    mask = dict(nodes.arguments(node)).get("attn_mask")
    if mask not in extreme or _absorbs(dtype):
        return args
    held = args[3] if len(args) > 3 else kwargs["attn_mask"]
    most = call(aten.amax.default, held, [-1], True)
    blind = call(aten.le.Scalar, most, -torch.finfo(dtype).max)
    query = call(aten.where.ScalarSelf, blind, 0.0, args[0])
    return (query, *args[1:])


def after(
    node: fx.Node,
    args: tuple[Any, ...],
    value: Any,
    dtype: torch.dtype,
    extreme: Set[fx.Node],
    call: Call,
) -> Any:
    """What the op made of `args` in `dtype`, within the range."""
    kind, name = nodes.kind(node), nodes.operator_name(node)
    if node not in extreme or not nodes.is_tensor(node) or shrinks(node):
        return value
    if kind in (Kind.MOVER, Kind.FIXED) or name in PASSING:
        return value
    absorbing = list(_absorbed(node, args, extreme)) if name in SUMS else []
    absorbed = kind is Kind.COMPUTE or len(absorbing) == 1
    if absorbed and _absorbs(dtype) and not scalar_beyond(node, dtype):
        return value
    end = torch.finfo(dtype).max
    value = call(aten.clamp.default, value, -end, end)
    for operand, negated in () if _absorbs(dtype) else absorbing:
        far = call(aten.ge.Scalar, call(aten.abs.default, operand), end)
        made = call(aten.neg.default, operand) if negated else operand
        value = call(aten.where.self, far, made, value)
    return value


def _absorbs(dtype: torch.dtype) -> bool:
    """Whether adding ordinary numbers to the end of the range leaves it there."""
    return torch.finfo(dtype).max > torch.finfo(torch.float32).max / 2


def _absorbed(
    node: fx.Node, args: tuple[Any, ...], extreme: Set[fx.Node]
) -> Iterator[tuple[Any, bool]]:
    """Operands of a sum that may lie at the end, each with "is subtracted"."""
    if len(node.args) != 2 or node.kwargs:
        return
    for place, operand in enumerate(node.args):
        if operand in extreme and _is_fp32(operand):
            negated = place == 1 and nodes.operator_name(node) == "sub"
            yield args[place], negated


def _is_fp32(node: Any) -> bool:
    value = node.meta.get("val") if isinstance(node, fx.Node) else None
    return isinstance(value, torch.Tensor) and value.dtype == torch.float32
