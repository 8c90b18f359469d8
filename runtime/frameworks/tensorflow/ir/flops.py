"""Floating-point operations of contractions, from the shapes they ran on.

A multiplication and an addition count as two.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from . import operators, schemas

Shape = tuple[int, ...]


def contraction(node: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    """FLOPs of a compute node; 0 for what is none.

    Args:
        inputs: Shapes of its data inputs.
        outputs: Shapes of its outputs.
    """
    match operators.INT8.get(node.op, node.op):
        case "MatMul" | "_FusedMatMul" | "SparseMatMul":
            rows = inputs[0][0 if schemas.attribute(node, "transpose_a").b else 1]
            return 2 * prod(outputs[0]) * rows
        case "BatchMatMul" | "BatchMatMulV2" | "BatchMatMulV3" | "_FusedBatchMatMulV2":
            axis = -2 if schemas.attribute(node, "adj_x").b else -1
            return 2 * prod(outputs[0]) * inputs[0][axis]
        case "Conv2D" | "Conv3D" | "_FusedConv2D" | "Conv":
            return 2 * prod(outputs[0]) * prod(inputs[1][:-1])
        case "DepthwiseConv2dNative" | "_FusedDepthwiseConv2dNative":
            return 2 * prod(outputs[0]) * prod(inputs[1][:2])
        case "Conv2DBackpropInput" | "Conv3DBackpropInputV2":
            return 2 * prod(inputs[2]) * prod(inputs[1][:-1])
        case "Conv2DBackpropInputV2":
            return 2 * prod(inputs[2]) * prod(inputs[1][:-1])
        case "Einsum":
            return _einsum(schemas.attribute(node, "equation").s.decode(), inputs)
        case "SparseTensorDenseMatMul":
            return 2 * inputs[1][0] * outputs[0][1]
    return _recurrent(node, inputs, outputs)


def _einsum(equation: str, inputs: Sequence[Shape]) -> int:
    """One multiplication and addition per combination of all indices."""
    if len(inputs) < 2:
        return 0
    sizes: dict[str, int] = {}
    for labels, shape in zip(equation.split("->")[0].split(","), inputs, strict=True):
        before, dots, after = labels.strip().partition("...")
        spread = len(shape) - len(before) - len(after)
        named = [*before, *(f".{k - spread}" for k in range(spread)), *after]
        if not dots and spread:
            return 0
        for label, size in zip(named, shape, strict=True):
            sizes[label] = max(sizes.get(label, 1), size)
    return 2 * prod(sizes.values())


def _recurrent(node: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    """Products of each step with all its weights."""
    match node.op:
        case "BlockLSTM" | "BlockLSTMV2":  # seq_len_max, x, cs_prev, h_prev, w, …
            steps, batch, _width = inputs[1]
            return 2 * steps * batch * prod(inputs[4])
        case "LSTMBlockCell":  # x, cs_prev, h_prev, w, …
            return 2 * inputs[0][0] * prod(inputs[3])
        case "GRUBlockCell":  # x, h_prev, w_ru, w_c, …
            return 2 * inputs[0][0] * (prod(inputs[2]) + prod(inputs[3]))
        case "CudnnRNN" | "CudnnRNNV2" | "CudnnRNNV3":  # input, h, c, params
            steps, batch, _width = inputs[0]
            return 2 * steps * batch * prod(inputs[3])
    return 0
