"""What a saved `.pt2` is, by PyTorch and NumPy alone."""

from __future__ import annotations

from collections import Counter
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import fx

HEAVY = {"linear", "conv2d", "matmul", "scaled_dot_product_attention", "lstm", "gru"}
FREE = {
    "view", "reshape", "transpose", "permute", "flatten", "unsqueeze", "select", "slice",
    "narrow", "chunk", "cat", "relu", "max_pool2d", "embedding", "zeros", "clamp", "flip",
    "where", "isinf", "_to_copy", "lt", "expand", "masked_fill",
}  # fmt: skip
"""What only moves or selects values, or makes none that are rounded."""


class Counted(fx.Interpreter):
    """Runs a program and notes each operator: name, dtype, operations."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.seen: list[tuple[str, torch.dtype, int]] = []
        self.casts = 0

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        name = str(n.target)
        if n.op == "call_function" and "." in name:
            args, _kwargs = self.fetch_args_kwargs_from_env(n)
            self._note(name.split(".")[-2], args, value)
        return value

    def _note(self, name: str, args: Any, value: Any) -> None:
        first = value[0] if isinstance(value, (tuple, list)) else value
        if not isinstance(first, torch.Tensor) or not first.is_floating_point():
            return
        if name == "_to_copy" and args[0].is_floating_point():
            self.casts += args[0].dtype != first.dtype
        self.seen.append((name, first.dtype, operations(name, args, first)))


def operations(name: str, args: Any, made: torch.Tensor) -> int:
    """Two for each multiplication and addition of a contraction, one for an element."""
    if name in ("linear", "conv2d"):
        return int(2 * made.numel() * prod(args[1].shape[1:]))
    if name == "matmul":
        return int(2 * made.numel() * args[0].shape[-1])
    if name == "scaled_dot_product_attention":
        query, key, value = args[:3]
        width = query.shape[-1] + value.shape[-1]
        return int(2 * prod(query.shape[:-1]) * key.shape[-2] * width)
    if name in ("lstm", "gru"):
        weights = [w for w in args[2] if w.dim() == 2]
        return 2 * prod(made.shape[:-1]) * sum(w.numel() for w in weights)
    return 0 if name in FREE else made.numel()


def recomputed(path: Path, data: Path, names: list[str], batch: int) -> dict[str, Any]:
    """Error, casts, operations by dtype, heavy operators by dtype, bytes."""
    loaded: Any = torch.export.load(path).module()
    held = np.load(data)
    inputs = [torch.from_numpy(held[name]) for name in names]
    with torch.no_grad():
        found = loaded(*inputs).numpy()
        counted = Counted(loaded)
        counted.run(*(value[:batch] for value in inputs))
    flops: Counter[torch.dtype] = Counter()
    for _name, dtype, number in counted.seen:
        flops[dtype] += number
    return {
        "mse": float(np.mean((found.astype(np.float64) - held["label"]) ** 2)),
        "casts": counted.casts,
        "flops": dict(flops),
        "heavy": Counter((n, d) for n, d, _number in counted.seen if n in HEAVY),
        "bytes": path.stat().st_size,
        "finite": bool(np.isfinite(found).all()),
        "dtype": str(found.dtype),
    }
