"""Values that are made of int8, and the contractions that a compiler does in int8.

A dequantize makes its floats in whatever precision they are taken in, a quantize takes
them in whatever they are held in: neither has one of its own, and between them nothing
is cast. Inductor finds the kernel by the operators around it
(`torch/_inductor/fx_passes/quantization.py`), so that these must stay.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from ....listing import listed
from .. import nodes
from ..prepared import is_constant
from .weights import Arguments

REFORMING = listed("_unsafe_view reshape view")
TURNING = listed("numpy_T permute t transpose")

OUT_DTYPES = ("out_dtype", "output_dtype")
"""What the operators call the dtype that they make."""

NARROW = (torch.int8, torch.uint8)

MOST = torch.finfo(torch.float16).max


def is_made_to_order(node: fx.Node) -> bool:
    """Whether the node's fp32 values can be made in the precision that they are taken in.

    Zeros and ones, and 8 bits times a scale, where fp16 holds all of these.
    """
    if nodes.is_op(node) and nodes.is_fill(node):
        return True
    if not nodes.dequantizes(node) or node.meta["val"].dtype != torch.float32:
        return False
    taken = dict(nodes.arguments(node))
    return taken["input"].meta["val"].dtype in NARROW and _largest(taken) <= MOST


def made_in(node: fx.Node, dtype: torch.dtype) -> Arguments:
    """The arguments with which such a node makes `dtype`."""
    if nodes.is_fill(node):
        return node.args, {**node.kwargs, "dtype": dtype}
    if dtype == torch.float32:
        return node.args, dict(node.kwargs)
    assert isinstance(node.target, torch._ops.OpOverload)
    names = [argument.name for argument in node.target._schema.arguments]
    place = next(k for k, name in enumerate(names) if name in OUT_DTYPES)
    if place < len(node.args):
        return (*node.args[:place], dtype, *node.args[place + 1 :]), dict(node.kwargs)
    return node.args, {**node.kwargs, names[place]: dtype}


def computes_in_int8(node: fx.Node) -> bool:
    """Whether inductor calls an int8 kernel for a contraction on a CPU.

    Its activations are 8 bits with one scale, known or found for each batch; its
    weights int8 with a scale for each channel of the output, and no other op's: inductor
    would have to pack them twice.
    """
    if not nodes.is_op(node):
        return False
    taken = dict(nodes.arguments(node))
    match nodes.operator_name(node):
        case "conv1d" | "conv2d":
            quantized = _is_activation(taken["input"]) and _is_weight(taken["weight"])
            return quantized and not breaks(node)
        case "linear":
            rows, weight = taken["input"], taken["weight"]
        case "addmm":
            rows, weight = _flat(taken["mat1"], node), _transposed(taken["mat2"])
        case "mm":
            rows, weight = _flat(taken["self"], node), _transposed(taken["mat2"])
        case "matmul":
            rows, weight = taken["self"], _transposed(taken["other"])
        case _:
            return False
    return _is_activation(rows) and _is_weight(weight)


def breaks(convolution: fx.Node) -> bool:
    """Whether the kernel that inductor takes for a convolution fails, or is wrong.

    oneDNN's takes no integers with a sign, which inductor hands it all the same.
    """
    taken, _weight = nodes.operands(convolution)
    if not nodes.dequantizes(taken):
        return False
    integers = dict(nodes.arguments(taken))["input"]
    signed: bool = integers.meta["val"].dtype == torch.int8
    return signed or is_mislaid(convolution)


def is_mislaid(convolution: fx.Node) -> bool:
    """Whether inductor takes an int8 convolution's output for what it isn't.

    Where a size varies and the images are contiguous however they are laid out, with
    one channel or one pixel, it counts on a contiguous output; the kernel's is
    channels-last (`_prepare_convolution_fusion_create`, torch 2.13).
    """
    image = dict(nodes.arguments(convolution))["input"].meta["val"]
    sizes = (*image.shape, *convolution.meta["val"].shape)
    varies = any(not isinstance(size, int) for size in sizes)
    _batch, channels, *pixels = image.shape
    alike = channels == 1 or all(isinstance(p, int) and p == 1 for p in pixels)
    return varies and alike


def _flat(rows: Any, product: fx.Node) -> Any:
    """What was made a matrix for a product that is then made what it was of."""
    return (
        rows.args[0] if _reforms(rows) and all(map(_reforms, product.users)) else rows
    )


def _reforms(node: Any) -> bool:
    is_op = isinstance(node, fx.Node) and nodes.is_op(node)
    return is_op and nodes.operator_name(node) in REFORMING


def _transposed(node: Any) -> Any:
    """What a matrix is the transpose of; None where it is none."""
    turned = isinstance(node, fx.Node) and nodes.is_op(node)
    return node.args[0] if turned and nodes.operator_name(node) in TURNING else None


def _is_activation(node: Any) -> bool:
    if not isinstance(node, fx.Node) or not nodes.dequantizes(node):
        return False
    taken = dict(nodes.arguments(node))
    return (
        nodes.operator_name(node).endswith(".dequantize_per_tensor")
        and taken["input"].meta["val"].dtype in NARROW
        and not is_constant(taken["input"])
    )


def _is_weight(node: Any) -> bool:
    if not isinstance(node, fx.Node) or not nodes.dequantizes(node):
        return False
    taken = dict(nodes.arguments(node))
    return (
        nodes.operator_name(node).endswith(".dequantize_per_channel")
        and is_constant(taken["input"])
        and taken["input"].meta["val"].dtype == torch.int8
        and taken["axis"] == 0
        and len(node.users) == len(taken["input"].users) == 1
    )


def _largest(taken: dict[str, Any]) -> float:
    """The largest magnitude that a known scale makes of 8 bits; 0 where it is none."""
    scale, zero = taken.get("scale"), taken.get("zero_point")
    if not isinstance(scale, float) or not isinstance(zero, int):
        return 0.0
    ends: tuple[int, int] = (taken["quant_min"] - zero, taken["quant_max"] - zero)
    return max(map(abs, ends)) * scale
