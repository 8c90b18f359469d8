"""What scales and shifts by channel, and what a scale can be folded into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...norms import Doubles, norm_of
from ...norms import scaled as scaled_weight
from ..bodies.bodies import Body
from ..bodies.editing import data
from ..ir.naming import parsed
from ..ir.protos import types
from ..ir.weights import value_of

PRODUCERS: dict[str, tuple[int, int]] = {
    "BatchMatMul": (1, -1),
    "BatchMatMulV2": (1, -1),
    "Conv2D": (1, 3),
    "Conv2DBackpropInput": (1, 2),
    "Conv3D": (1, 4),
    "Conv3DBackpropInputV2": (1, 3),
    "DepthwiseConv2dNative": (1, 2),
    "MatMul": (1, -1),
}
"""Op → input that is its weight, and the weight's axis of output channels."""

TRANSPOSED = {"BatchMatMul": "adj_y", "BatchMatMulV2": "adj_y", "MatMul": "transpose_b"}
"""Op → attribute that puts the channels on the axis before."""

FUSED = frozenset(["FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"])
OLD_NORM = "BatchNormWithGlobalNormalization"
SHIFTS = frozenset(["Add", "AddV2", "BiasAdd", "Sub"])
LAST = frozenset([b"", b"NHWC", b"NDHWC"])


@dataclass(frozen=True)
class Affine:
    """y = scale · x + shift by channel, which one node computes.

    Attributes:
        node: That node.
        source: The tensor x.
    """

    node: Any
    source: str
    scale: Doubles
    shift: Doubles


def affine(body: Body, node: Any) -> Affine | None:
    """What a node does by channel, None if it does anything else."""
    if any(each.startswith("^") for each in node.input):
        return None
    if node.op in FUSED and not node.attr["is_training"].b:
        x, gamma, beta, mean, variance = data(node)
        return _norm(body, node, x, (gamma, beta, mean, variance), "epsilon")
    if node.op == OLD_NORM:
        x, mean, variance, beta, gamma = data(node)
        return _norm(body, node, x, (gamma, beta, mean, variance), "variance_epsilon")
    if node.op == "Mul" or node.op in SHIFTS:
        return _arithmetic(body, node)
    return None


def constant_of(body: Body, tensor: str) -> Any:
    """A fp32 constant's value, None if the tensor is none."""
    node = body.nodes.get(parsed(tensor)[0])
    if node is None or node.op != "Const":
        return None
    if node.attr["dtype"].type != types.DT_FLOAT:
        return None
    return value_of(node)


def layout(node: Any) -> bytes:
    """How BiasAdd calls the node's layout: it knows no NDHWC."""
    known = node.attr["data_format"].s if "data_format" in node.attr else b""
    return b"NHWC" if known in LAST else b"NCHW"


def scaled(producer: Any, weight: Any, scale: Doubles) -> Doubles | None:
    """The weight with its output channels scaled, None if their number differs."""
    _, axis = PRODUCERS[producer.op]
    if producer.op in TRANSPOSED and producer.attr[TRANSPOSED[producer.op]].b:
        axis = -2
    if producer.op == "DepthwiseConv2dNative":
        channels = weight.shape[2:]
        if np.prod(channels) != scale.size:
            return None
        product: Doubles = weight.astype(np.float64) * scale.reshape(channels)
        return product
    if weight.ndim < abs(axis) or weight.shape[axis] != scale.size:
        return None
    return scaled_weight(weight, scale, axis)


def _norm(
    body: Body, node: Any, x: str, taken: tuple[str, ...], epsilon: str
) -> Affine | None:
    values = [constant_of(body, each) for each in taken]
    if any(value is None for value in values):
        return None
    gamma, beta, mean, variance = values
    if node.op == OLD_NORM and not node.attr["scale_after_normalization"].b:
        gamma = np.ones_like(gamma)
    does = norm_of(gamma, beta, mean, variance, node.attr[epsilon].f)
    return Affine(node, x, does.scale, does.shift)


def _arithmetic(body: Body, node: Any) -> Affine | None:
    x, other = data(node)
    if node.op not in ("BiasAdd", "Sub") and constant_of(body, x) is not None:
        x, other = other, x
    value = constant_of(body, other)
    if value is None or constant_of(body, x) is not None:
        return None
    if not value.ndim or value.size != value.shape[-1]:
        return None  # not by channel; a scalar scales all
    channels = np.asarray(value, np.float64).reshape(-1)
    scale, shift = np.ones_like(channels), channels
    if node.op == "Mul":
        scale, shift = channels, np.zeros_like(channels)
    elif node.op == "Sub":
        shift = -channels
    return Affine(node, x, scale, shift)
