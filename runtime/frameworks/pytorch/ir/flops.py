"""FLOPs of operators, by torch's counter where it sees them on a CPU.

`torch.utils.flop_counter` counts by the kernels that run; fused attention and
recurrent layers end in oneDNN or flash kernels that it has no formula for.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode


def counted(compute: Callable[[], Any]) -> tuple[Any, int]:
    """What is computed, and the operations that torch's counter sees meanwhile."""
    with FlopCounterMode(display=False) as counter:
        value = compute()
    return value, counter.get_total_flops()


def uncounted(name: str, args: tuple[Any, ...], value: Any) -> int:
    """Floating-point operations, two per multiply-add."""
    if name == "scaled_dot_product_attention":
        return _attention(*args[:3])
    if name in ("lstm", "gru", "rnn_tanh", "rnn_relu"):
        return _recurrent(args, value)
    return _products(args, value)


def _products(args: tuple[Any, ...], value: Any) -> int:
    """Matrix times vector, dot and outer products: each element is used once."""
    tensors = [a for a in (*args, value) if isinstance(a, torch.Tensor)]
    return 2 * max((tensor.numel() for tensor in tensors), default=0)


def _attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> int:
    """Q·Kᵀ and P·V: 2·B·L·S·(E + Ev), leading dimensions in B."""
    batch, length = prod(query.shape[:-2]), query.shape[-2]
    return int(2 * batch * length * key.shape[-2] * (query.shape[-1] + value.shape[-1]))


def _recurrent(args: tuple[Any, ...], value: Any) -> int:
    """Each step multiplies every weight matrix once per sequence: 2·T·B·Σ|W|."""
    steps = prod(value[0].shape[:-1])
    weights = next(a for a in args[1:] if _is_weights(a))
    return int(2 * steps * sum(w.numel() for w in weights if w.dim() == 2))


def _is_weights(argument: Any) -> bool:
    """The flat weights: a list that holds matrices, unlike the states (3 dimensions)."""
    return isinstance(argument, (tuple, list)) and any(
        isinstance(w, torch.Tensor) and w.dim() == 2 for w in argument
    )
