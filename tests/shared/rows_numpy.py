"""The transformer of `rows.py` in NumPy: the reference that the others follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import rows
from rows import EPSILON, Array, Network


def _softmax(x: Array, at: Sequence[int]) -> Array:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def _layer_norm(x: Array, scale: Array, shift: Array, at: Sequence[int]) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    variance = np.square(centred).mean(-1, keepdims=True)
    return centred / np.sqrt(variance + EPSILON) * scale + shift


OPS: Mapping[str, Callable[..., Array]] = {
    "add": lambda a, b, at: a + b,
    "sub": lambda a, b, at: a - b,
    "mul": lambda a, b, at: a * b,
    "div": lambda a, b, at: a / b,
    "matmul": lambda a, b, at: a @ b,
    "relu": lambda x, at: np.maximum(x, 0),
    "exp": lambda x, at: np.exp(x),
    "log": lambda x, at: np.log(x),
    "sqrt": lambda x, at: np.sqrt(x),
    "sin": lambda x, at: np.sin(x),
    "cos": lambda x, at: np.cos(x),
    "tanh": lambda x, at: np.tanh(x),
    "sigmoid": lambda x, at: 1 / (1 + np.exp(-x)),
    "sum": lambda x, at: x.sum(at, keepdims=True),
    "mean": lambda x, at: x.mean(at, keepdims=True),
    "max": lambda x, at: x.max(at, keepdims=True),
    "softmax": _softmax,
    "layer_norm": _layer_norm,
    "reshape": lambda x, at: x.reshape(at),
    "transpose": lambda x, at: x.transpose(at),
    "concat": lambda *xs, at: np.concatenate(xs, -1),
    "argmax": lambda x, at: x.argmax(-1),
}
"""What every op does, in NumPy: of its inputs, and `at`."""


def run(network: Network, inputs: Sequence[Array], dtype: Any = np.float64) -> Any:
    """All steps in `dtype`: name → output. `inputs` in the order of `INPUTS`."""
    known = {**dict(zip(rows.INPUTS, inputs, strict=True)), **network.weights}
    known = {name: np.asarray(array, dtype) for name, array in known.items()}
    for step in network.steps:
        read = [known[x] if isinstance(x, str) else dtype(x) for x in step.inputs]
        known[step.name] = OPS[step.op](*read, at=step.at)
    return known
