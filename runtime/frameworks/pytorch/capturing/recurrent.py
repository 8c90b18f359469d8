"""Shapes of recurrent layers while torch.export looks on.

torch finds them by running its decomposition, a loop over the time steps, and so fixes
the length of the sequence; the operator in the graph needs no such thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch


def _lstm(
    input: torch.Tensor, hx: list[torch.Tensor], *arguments: Any
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    hidden, cell = hx
    made = _sequence(input, hidden, arguments)
    return made, hidden.new_empty(hidden.shape), cell.new_empty(cell.shape)


def _others(
    input: torch.Tensor, hx: torch.Tensor, *arguments: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    return _sequence(input, hx, arguments), hx.new_empty(hx.shape)


def _sequence(
    input: torch.Tensor, hidden: torch.Tensor, arguments: tuple[Any, ...]
) -> torch.Tensor:
    """What each step gives: the hidden state, of both directions if there are two."""
    _params, _biases, _layers, _dropout, _train, bidirectional, _first = arguments
    size = hidden.shape[-1] * (2 if bidirectional else 1)
    return input.new_empty((*input.shape[:-1], size))


SHAPES: dict[torch._ops.OpOverload, Callable[..., Any]] = {
    torch.ops.aten.lstm.input: _lstm,
    torch.ops.aten.gru.input: _others,
    torch.ops.aten.rnn_tanh.input: _others,
    torch.ops.aten.rnn_relu.input: _others,
}
"""Operator → what makes outputs of its shapes; nothing is computed."""


@contextmanager
def shapes_only() -> Iterator[None]:
    """Let torch's own Python kernels of these operators make shapes, for a while.

    They run on tensors without data; real ones go to the kernels in C++.
    """
    before = {op: dict(op.py_kernels) for op in SHAPES}
    try:
        for op, shapes in SHAPES.items():
            _put(op, dict.fromkeys(op.py_kernels, shapes))
        yield
    finally:
        for op, kernels in before.items():
            _put(op, kernels)


def _put(op: torch._ops.OpOverload, kernels: dict[Any, Callable[..., Any]]) -> None:
    op.py_kernels.clear()
    op.py_kernels.update(kernels)
    op._dispatch_cache.clear()
