"""Small models, the same in every framework that can express them.

What they compute stands here, in NumPy, with their weights and batches. `zoo/NAME.py`
writes them in one framework, under these names, and says what its files hold.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from . import reference
from .model import Array, Contents, Model, Weights, Zoo
from .reference import EPSILON, LARGEST, SMALL, TURNS

__all__ = [
    "EPSILON",
    "MODELS",
    "SMALL",
    "TURNS",
    "Array",
    "Contents",
    "Model",
    "Weights",
    "Zoo",
]


def _random(*shape: int, seed: int = 0, size: float | None = None) -> Array:
    """Normal numbers; weights are as large as keeps what they make of size 1."""
    size = size or float(np.prod(shape[:-1] or (1,))) ** -0.5
    values = np.random.default_rng((*shape, seed)).standard_normal(shape)
    return (values * size).astype(np.float32)


def _kernel(*shape: int) -> Array:
    return _random(*shape, size=float(np.prod(shape[1:])) ** -0.5)


def _dense(name: str, taken: int, made: int) -> dict[str, Array]:
    bias = _random(made, seed=1, size=0.3)
    return {f"{name}.weight": _random(taken, made), f"{name}.bias": bias}


NORM = {
    "norm.scale": 1 + _random(8, seed=2, size=0.2),
    "norm.shift": _random(8, seed=3, size=0.2),
    "norm.mean": _random(8, seed=4, size=0.2),
    "norm.variance": 1 + abs(_random(8, seed=5, size=0.2)),
}
ROWS = _random(6, 16, size=1.0)

MODELS: Mapping[str, Model] = {
    "residual": Model(
        {"x": _random(4, 3, 8, 8, size=1.0)},
        {
            "stem.weight": _kernel(8, 3, 3, 3),
            "stem.bias": _random(8, size=0.3),
            "conv.weight": _kernel(8, 8, 3, 3),
            **NORM,
            **_dense("head", 8, 5),
        },
        ("y",),
        reference.residual,
        2 * 4 * (64 * 8 * 27 + 64 * 8 * 72 + 8 * 5),
        dropped=("norm",),
    ),
    "mlp": Model(
        {"x": ROWS},
        {**_dense("first", 16, 32), **_dense("last", 32, 4)},
        ("y",),
        reference.mlp,
        2 * 6 * (16 * 32 + 32 * 4),
        dropped=("drop",),
    ),
    "outputs": Model(
        {"x": ROWS},
        {**_dense("first", 16, 32), **_dense("last", 32, 6)},
        ("feature", "scores", "best"),
        reference.outputs,
        2 * 6 * (16 * 32 + 32 * 6),
    ),
    "embedding": Model(
        {"ids": np.arange(15, dtype=np.int32).reshape(3, 5) * 7 % 20},
        {"table.weight": _random(20, 16, size=1.0), **_dense("last", 16, 4)},
        ("y",),
        reference.embedding,
        2 * 3 * 16 * 4,
    ),
    "shared": Model(
        {"x": ROWS},
        {"both.weight": _random(16, 16)},
        ("y",),
        reference.shared,
        2 * 2 * 6 * 16 * 16,
    ),
    "three": Model(
        {
            "a": _random(6, 16, size=1e6),
            "b": np.arange(4001, 4049, 2, dtype=np.float32).reshape(6, 4),
            "c": _random(6, 4, size=1e-12),
        },
        {"first.weight": _random(16, 4)},
        ("y",),
        reference.three,
        2 * 6 * 16 * 4,
    ),
    "waves": Model(
        {"x": ROWS, "t": np.arange(2, 8, dtype=np.int32).reshape(6, 1)},
        {
            "first.weight": _random(16, 8),
            "turns.weight": abs(_random(8, seed=6, size=1.0)),
            "last.weight": _random(8, 4),
        },
        ("y",),
        reference.waves,
        2 * 6 * (16 * 8 + 8 * 4),
    ),
    "edge": Model(
        {"x": np.linspace(-LARGEST, LARGEST, 24, dtype=np.float32).reshape(6, 4)},
        {},
        ("y",),
        reference.edge,
        0,
    ),
    "branch": Model(
        {"x": ROWS},
        {
            "first.weight": _random(16, 16),
            "then.weight": _random(16, 16, seed=1),
            "else.weight": _random(16, 16, seed=2),
            "last.weight": _random(16, 4),
        },
        ("y",),
        reference.branch,
        # The branch that is not taken counts as much: another batch takes it.
        2 * 6 * (3 * 16 * 16 + 16 * 4),
    ),
    "loop": Model(
        {"x": ROWS},
        {**_dense("turn", 16, 16), "last.weight": _random(16, 4)},
        ("y",),
        reference.loop,
        2 * 6 * (TURNS * 16 * 16 + 16 * 4),
    ),
    "state": Model(
        {"x": ROWS},
        _dense("first", 16, 4),
        ("y", "count"),
        reference.state,
        2 * 6 * 16 * 4,
    ),
}
"""Of `three` in fp16 `a` overflows, `b` is whole and changes, `c` becomes 0; of `edge`
all ops give infinity in 16 bits."""
