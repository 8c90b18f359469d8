"""What the models compute, in NumPy: weights and inputs → outputs."""

from __future__ import annotations

import numpy as np

from .model import Array, Weights

EPSILON = 1e-5
"""What the batch norm adds to the variance."""

TURNS = 3
"""Iterations of the loop."""

LARGEST = 3.4e38
"""Finite in fp32 alone: bf16 and fp16 round it to infinity."""

SMALL = 1e-37
"""So that `edge` gives numbers of a usual size."""


def relu(x: Array) -> Array:
    return np.maximum(x, np.float32(0))


def conv(x: Array, kernel: Array) -> Array:
    """3 × 3, padded by 1: (n, in, h, w) → (n, out, h, w)."""
    height, width = x.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    parts = [
        np.einsum("nihw,oi->nohw", padded[..., a : a + height, b : b + width], k)
        for (a, b) in np.ndindex(3, 3)
        for k in [kernel[..., a, b]]
    ]
    return np.sum(parts, axis=0, dtype=np.float32)


def residual(w: Weights, x: Array) -> tuple[Array, ...]:
    def channels(name: str) -> Array:
        return w[name].reshape(1, -1, 1, 1)

    stem = conv(x, w["stem.weight"]) + channels("stem.bias")
    y = (conv(stem, w["conv.weight"]) - channels("norm.mean")) / np.sqrt(
        channels("norm.variance") + np.float32(EPSILON)
    )
    y = relu(y * channels("norm.scale") + channels("norm.shift") + stem)
    return (y.mean((2, 3)) @ w["head.weight"] + w["head.bias"],)


def mlp(w: Weights, x: Array) -> tuple[Array, ...]:
    hidden = relu(x @ w["first.weight"] + w["first.bias"])
    return (hidden @ w["last.weight"] + w["last.bias"],)


def outputs(w: Weights, x: Array) -> tuple[Array, ...]:
    feature = relu(x @ w["first.weight"] + w["first.bias"])
    scores = feature @ w["last.weight"] + w["last.bias"]
    return feature, scores, scores.argmax(1)


def embedding(w: Weights, ids: Array) -> tuple[Array, ...]:
    mean = w["table.weight"][ids].mean(1)
    return (mean @ w["last.weight"] + w["last.bias"],)


def shared(w: Weights, x: Array) -> tuple[Array, ...]:
    return (np.tanh(x @ w["both.weight"]) @ w["both.weight"],)


def three(w: Weights, a: Array, b: Array, c: Array) -> tuple[Array, ...]:
    return (a @ w["first.weight"] * b + c,)


def waves(w: Weights, x: Array, t: Array) -> tuple[Array, ...]:
    """Of points in time, which are few here and any later."""
    wave = np.sin(t.astype(np.float32) * w["turns.weight"])
    return (x @ w["first.weight"] * wave @ w["last.weight"],)


def edge(w: Weights, x: Array) -> tuple[Array, ...]:
    return (relu(x) * np.float32(SMALL),)


def branch(w: Weights, x: Array) -> tuple[Array, ...]:
    y = x @ w["first.weight"]
    taken = y.sum() > 0
    y = relu(y @ w["then.weight"]) if taken else np.tanh(y @ w["else.weight"])
    return (y @ w["last.weight"],)


def loop(w: Weights, x: Array) -> tuple[Array, ...]:
    for _ in range(TURNS):
        x = np.tanh(x @ w["turn.weight"] + w["turn.bias"])
    return (x @ w["last.weight"],)


def state(w: Weights, x: Array) -> tuple[Array, ...]:
    """On its first call; each further one counts on."""
    return x @ w["first.weight"] + w["first.bias"], np.ones(1, np.float32)
