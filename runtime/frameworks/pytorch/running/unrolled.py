"""Branches and loops as plain Python, for gradients: torch's operators stop them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import fx

from .interpreter import Interpreter

Values = tuple[Any, ...]
Body = Callable[..., Values]


class Unrolled(Interpreter):
    """Goes the way that the batch takes, body by body; routes don't count."""

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        unrolled = UNROLLED.get(target)
        if unrolled is None:
            return super().call_function(target, args, kwargs)
        return unrolled(*(self._callable(argument) for argument in args))

    def _callable(self, argument: Any) -> Any:
        if not isinstance(argument, fx.GraphModule):
            return argument

        def call(*operands: Any) -> Values:
            value = self.run_body(argument, *operands)
            return tuple(value) if isinstance(value, (tuple, list)) else (value,)

        return call


def _cond(predicate: Any, true: Body, false: Body, operands: Sequence[Any]) -> Values:
    return (true if bool(predicate) else false)(*operands)


def _while_loop(
    condition: Body, body: Body, carried: Sequence[Any], others: Sequence[Any] = ()
) -> Values:
    values = tuple(carried)
    while bool(condition(*values, *others)[0]):
        values = body(*values, *others)
    return values


def _scan(
    body: Body, carried: Sequence[Any], xs: Sequence[Any], others: Sequence[Any] = ()
) -> Values:
    values, made = tuple(carried), []
    for each in zip(*(x.unbind() for x in xs), strict=True):
        found = body(*values, *each, *others)
        values = found[: len(carried)]
        made.append(found[len(carried) :])
    return (*values, *(torch.stack(ys) for ys in zip(*made, strict=True)))


def _map(body: Body, xs: Sequence[Any], others: Sequence[Any]) -> Values:
    return _scan(body, (), xs, others)


UNROLLED: dict[Any, Callable[..., Values]] = {
    torch.ops.higher_order.cond: _cond,
    torch.ops.higher_order.while_loop: _while_loop,
    torch.ops.higher_order.scan: _scan,
    torch.ops.higher_order.map_impl: _map,
}
"""torch's operator → the same, whose bodies always return tuples."""
