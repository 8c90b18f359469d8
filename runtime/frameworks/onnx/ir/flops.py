"""Floating-point operations of contractions, from shapes: a multiply-add counts two.

Additions of a bias count nothing, as in PyTorch's counter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import onnx_ir as ir

from .quantized.integers import contraction

Shape = tuple[int, ...]
Shapes = Sequence[Shape | None]
"""Of a node's inputs or outputs; None for one that is left out."""


def flops(node: ir.Node, inputs: Shapes, outputs: Shapes) -> int:
    """Of one run of a node, 0 where its operator does not contract.

    And where a shape is unknown, in a branch that could not be run.
    """
    integers = contraction(node)
    if integers is not None:
        inputs = [inputs[k] for k in integers.operands if k < len(inputs)]
    count = _COUNTS.get(node.op_type if integers is None else integers.like)
    if count is None or not (all(inputs[:1]) and all(outputs[:1])):
        return 0
    return count(node, inputs, outputs)


def _given(shapes: Shapes, index: int) -> Shape:
    found = shapes[index] if index < len(shapes) else None
    return found or ()


def _convolution(node: ir.Node, inputs: Shapes, outputs: Shapes) -> int:
    """Each output value sums over the weight's (channels, kernel): (M, C/group, ...)."""
    weight = _given(inputs, 1)
    return 2 * prod(_given(outputs, 0)) * prod(weight[1:])


def _transposed(node: ir.Node, inputs: Shapes, outputs: Shapes) -> int:
    """Each input value is spread over the weight's (M/group, ...): (C, M/group, ...)."""
    weight = _given(inputs, 1)
    return 2 * prod(_given(inputs, 0)) * prod(weight[1:])


def _matmul(node: ir.Node, inputs: Shapes, outputs: Shapes) -> int:
    left = _given(inputs, 0)
    return 2 * prod(_given(outputs, 0)) * (left[-1] if left else 1)


def _gemm(node: ir.Node, inputs: Shapes, outputs: Shapes) -> int:
    left = _given(inputs, 0)
    transposed = node.attributes.get_int("transA", 0)
    return 2 * prod(_given(outputs, 0)) * (left[0] if transposed else left[-1])


def _recurrent(node: ir.Node, inputs: Shapes, outputs: Shapes) -> int:
    """Per step and sequence: W (directions, gates·hidden, input), R (…, hidden)."""
    x, w, r = (_given(inputs, k) for k in range(3))
    return 2 * x[0] * x[1] * (prod(w) + prod(r))


def _einsum(node: ir.Node, inputs: Shapes, outputs: Shapes) -> int:
    """Over all index letters; an ellipsis counts as the output's sizes say."""
    equation = node.attributes["equation"].as_string().replace(" ", "")
    terms = equation.split("->")[0].split(",")
    sizes: dict[str, int] = {}
    rest = 1
    for term, shape in zip(terms, inputs, strict=False):
        before, dots, after = term.partition("...")
        sizes.update(zip(before, shape or (), strict=False))
        if dots:
            inner = (shape or ())[len(before) : len(shape or ()) - len(after)]
            rest = max(rest, prod(inner))
            sizes.update(
                zip(after, (shape or ())[len(before) + len(inner) :], strict=False)
            )
    multiplied = max(len(terms) - 1, 1)
    return 2 * multiplied * rest * prod(sizes.values()) if len(terms) > 1 else 0


def _attention(node: ir.Node, inputs: Shapes, outputs: Shapes) -> int:
    """Scores and their product with V: (batch, heads, queries, size), or 3 dimensions."""
    q, k, v = (_given(inputs, index) for index in range(3))
    past = _given(inputs, 4)
    heads = q[1] if len(q) == 4 else node.attributes.get_int("q_num_heads", 1) or 1
    groups = k[1] if len(k) == 4 else node.attributes.get_int("kv_num_heads", 1) or 1
    queries, keys = q[-2], k[-2] + (past[-2] if past else 0)
    size = q[-1] if len(q) == 4 else q[-1] // heads
    width = v[-1] if len(v) == 4 else v[-1] // groups
    return 2 * q[0] * heads * queries * keys * (size + width)


_COUNTS: dict[str, Callable[[ir.Node, Shapes, Shapes], int]] = {
    "Attention": _attention,
    "Conv": _convolution,
    "ConvTranspose": _transposed,
    "DeformConv": _convolution,
    "Einsum": _einsum,
    "GRU": _recurrent,
    "Gemm": _gemm,
    "LSTM": _recurrent,
    "MatMul": _matmul,
    "RNN": _recurrent,
}
