"""The transformer of `rows.py` as an MXNet symbol: one node for each step, of its name.

What bf16 has no kernel for on CPUs is written so that little of it is left: products
with weights are FullyConnected, and transposes swap two axes at a time. Products of two
activations (batch_dot, a sixth of the FLOPs) and layer norms but the last stay fp32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import rows

from narrowcast.runtime.frameworks.mxnet.ir.library import mx
from narrowcast.runtime.frameworks.mxnet.ir.network import Network
from narrowcast.runtime.frameworks.mxnet.ir.quantized.canonical import canonical

S = mx.sym
SWAPS: Mapping[tuple[int, ...], Sequence[tuple[int, int]]] = {
    (0, 2, 1, 3): [(1, 2)],
    (0, 2, 3, 1): [(1, 2), (2, 3)],
}
"""Order of the axes → pairs that are swapped one after the other."""


def _arithmetic(op: str) -> Callable[..., Any]:
    names = {"add": "Plus", "sub": "Minus", "mul": "Mul", "div": "Div"}
    scalar = getattr(S._internal, f"_{names[op]}Scalar")
    both = getattr(S, f"broadcast_{op}")

    def make(a: Any, b: Any, at: Any, name: str) -> Any:
        if isinstance(a, float):
            assert op == "sub"
            return S._internal._RMinusScalar(b, scalar=a, name=name)
        if isinstance(b, float):
            return scalar(a, scalar=b, name=name)
        return both(a, b, name=name)

    return make


def _reduction(op: str) -> Callable[..., Any]:
    return lambda x, at, name: getattr(S, op)(x, axis=at, keepdims=True, name=name)


def _matmul(a: Any, b: Any, at: Any, name: str) -> Any:
    """Of heads: batch_dot takes matrices in one batch."""
    flat = [
        S.reshape(x, shape=(-3, 0, 0), name=f"{name}.{k}") for k, x in enumerate((a, b))
    ]
    product = S.batch_dot(*flat, name=f"{name}.product")
    return S.reshape_like(
        product, a, lhs_begin=0, lhs_end=1, rhs_begin=0, rhs_end=2, name=name
    )


def _transpose(x: Any, at: Any, name: str) -> Any:
    *first, last = SWAPS[at]
    for k, (one, other) in enumerate(first):
        x = S.SwapAxis(x, dim1=one, dim2=other, name=f"{name}.{k}")
    return S.SwapAxis(x, dim1=last[0], dim2=last[1], name=name)


def _layer_norm(x: Any, scale: Any, shift: Any, at: Any, name: str) -> Any:
    """The last in primitives: behind an fp32 op culprits would stay fp32 for nothing."""
    if name != "last.norm":
        return S.LayerNorm(x, scale, shift, eps=rows.EPSILON, name=name)
    mean = S.mean(x, axis=2, keepdims=True, name=f"{name}.mean")
    centred = S.broadcast_sub(x, mean, name=f"{name}.centred")
    square = S.square(centred, name=f"{name}.square")
    variance = S.mean(square, axis=2, keepdims=True, name=f"{name}.variance")
    root = S.sqrt(variance + rows.EPSILON, name=f"{name}.root")
    ratio = S.broadcast_div(centred, root, name=f"{name}.ratio")
    scaled = S.broadcast_mul(ratio, scale, name=f"{name}.scaled")
    return S.broadcast_add(scaled, shift, name=name)


def _plain(op: str) -> Callable[..., Any]:
    return lambda x, at, name: getattr(S, op)(x, name=name)


OPS: Mapping[str, Callable[..., Any]] = {
    **{op: _arithmetic(op) for op in ("add", "sub", "mul", "div")},
    **{op: _reduction(op) for op in ("sum", "mean", "max")},
    **{
        op: _plain(op)
        for op in ("exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "softmax")
    },
    "matmul": _matmul,
    "relu": lambda x, at, name: S.Activation(x, act_type="relu", name=name),
    "layer_norm": _layer_norm,
    "reshape": lambda x, at, name: S.reshape(x, shape=at, name=name),
    "transpose": _transpose,
    "concat": lambda *xs, at, name: S.concat(*xs, dim=2, name=name),
    "argmax": lambda x, at, name: S.argmax(x, axis=1, name=name),
}


def build(network: rows.Network) -> Network:
    """The symbol with its parameters; inputs are called as in `rows.INPUTS`."""
    known = {name: S.var(name) for name in [*rows.INPUTS, *network.weights]}
    turned = set()
    for step in network.steps:
        read = [known.get(name, name) for name in step.inputs]
        weight = step.inputs[-1]
        if step.op == "matmul" and weight in network.weights:
            turned.add(weight)
            width = network.weights[str(weight)].shape[1]
            known[step.name] = S.FullyConnected(
                *read, num_hidden=width, no_bias=True, flatten=False, name=step.name
            )
        else:
            known[step.name] = OPS[step.op](*read, at=step.at, name=step.name)
    values = {
        name: np.ascontiguousarray(array.T) if name in turned else array
        for name, array in network.weights.items()
    }
    return canonical(S.Group([known[name] for name in network.outputs]), values)
