"""Floating-point operations of the operators that contract, counted by their shapes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from .network import Node
from .operators import COMPUTE

Shape = tuple[int, ...]

GATES = {"rnn_relu": 1, "rnn_tanh": 1, "gru": 3, "lstm": 4}


def flops(node: Node, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    """Twice the multiply-adds of a contraction, 0 for an operator that is none."""
    op = node.op.removeprefix("_sparse_").removeprefix("_npx_").lstrip("_")
    made = prod(outputs[0]) if outputs else 0
    match op.lower().replace("_", ""):
        case (
            "convolution"
            | "convolutionv1"
            | "fullyconnected"
            | "sgmkldnnconv"
            | "sgmkldnnfullyconnected"
            | "contribquantizedconv"
            | "contribquantizedfullyconnected"
        ):
            # Each output takes a dot product with one row of the weight.
            return 2 * made * prod(inputs[1][1:])
        case "contribdeformableconvolution":
            return 2 * made * prod(inputs[2][1:])
        case "contribmodulateddeformableconvolution":
            return 2 * made * prod(inputs[3][1:])
        case "deconvolution":
            return 2 * prod(inputs[0]) * prod(inputs[1][1:])
        case "dot" | "npdot" | "npimatmul":
            return 2 * made * _summed(node, inputs[0])
        case "batchdot" | "linalggemm" | "linalggemm2" | "linalgsyrk":
            return 2 * made * _summed(node, inputs[0])
        case "rnn":
            return _recurrent(node, inputs)
    if "interleaved" in op:
        return _interleaved(node, inputs, outputs[0])
    return 2 * made * _shared(inputs) if node.op in COMPUTE else 0


def _summed(node: Node, left: Shape) -> int:
    """The size that a product sums over."""
    if not left:
        return 1
    flipped = node.flag("transpose_a")
    if flipped and node.op in ("dot", "_sparse_dot"):
        return left[0]
    if flipped:
        return left[-2]
    return left[-1]


def _recurrent(node: Node, inputs: Sequence[Shape]) -> int:
    """W x + R h of every gate, step, layer and direction; and the projection."""
    steps, batch, width = inputs[0]
    size, layers = int(node.attrs["state_size"]), int(node.attrs["num_layers"])
    directions = 2 if node.flag("bidirectional") else 1
    projected = node.attrs.get("projection_size", "None")
    kept = size if projected == "None" else int(projected)
    gates, total = GATES[node.attrs["mode"]], 0
    for layer in range(layers):
        taken = width if layer == 0 else kept * directions
        products = gates * size * (taken + kept)
        if projected != "None":
            products += size * kept
        total += directions * products
    return 2 * steps * batch * total


def _interleaved(node: Node, inputs: Sequence[Shape], made: Shape) -> int:
    """Scores (B·H, Q, K) of heads of size E/H, or what they weigh."""
    heads = int(node.attrs["heads"])
    if node.op.endswith("qk"):
        parts = 3 if "selfatt" in node.op else 1
        return 2 * prod(made) * (inputs[0][-1] // parts // heads)
    return 2 * prod(made) * inputs[1][-1]


def _shared(inputs: Sequence[Shape]) -> int:
    """For contractions without a rule: the last size of the first input."""
    return inputs[0][-1] if inputs and inputs[0] else 1
