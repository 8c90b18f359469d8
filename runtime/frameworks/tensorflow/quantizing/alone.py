"""One op in int8 as a graph of its own: quantize → op → dequantize."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ....graph.graph import Precision
from ...protocol import Array
from ...quantizing.quantization import Scale
from ..ir.int8.candidate import Candidate, weight_integers
from ..ir.protos import NodeDef
from ..ir.weights import constant
from ..writing.int8 import nodes

FP32 = Precision.FP32


@dataclass(frozen=True)
class Alone:
    """A kernel with all that decides whether it runs; values don't.

    Attributes:
        node: Type and attributes of the op in fp32, serialized.
        given: Shape of what it takes.
        weight: Shape of its weight, not transposed.
        dtypes: Of what it takes and makes as integers.
        sum: Whether something is added, in uint8.
    """

    node: bytes
    given: tuple[int, ...]
    weight: tuple[int, ...]
    dtypes: tuple[str, str]
    channels: bool
    relu: bool
    rounded: bool
    sum: bool = False


def alone(source: Any, op: Candidate, shapes: Any, dtypes: tuple[str, str]) -> Alone:
    """What is to be tried of an op."""
    plain = NodeDef(op=source.op)
    for name in nodes.KEPT:
        if name in source.attr:
            plain.attr[name].CopyFrom(source.attr[name])
    given, weight = shapes
    weight = tuple(reversed(weight)) if op.turned else tuple(weight)
    content = plain.SerializeToString(deterministic=True)
    channels = op.axis is not None
    added = bool(op.sum)
    return Alone(content, given, weight, dtypes, channels, op.relu, op.rounded, added)


def graph_nodes(
    form: Alone, weight: Array, bias: Array, scales: Sequence[Scale]
) -> list[Any]:
    """Nodes from `x` in fp32, and `z` that is added, to `y` in fp32.

    Args:
        scales: Of x, y, and z.
    """
    source = NodeDef()
    source.ParseFromString(form.node)
    axis = len(form.weight) - 1 if form.channels else None
    whole, high = weight_integers(weight, axis)
    given, made, *added = scales
    taken = nodes.Operands(
        nodes.Integral("q", "q:1", "q:2"), nodes.Integral("w", "w/low", "w/high"), "b"
    )
    found = [
        *nodes.range_nodes("q", given),
        nodes.quantize("q", "x", ("q/low", "q/high"), given),
        nodes.integers("w", whole),
        constant("w/low", -high),
        constant("w/high", high),
        constant("b", bias),
    ]
    if not form.rounded:
        return [*found, nodes.product("y", taken, given.dtype, form.relu, FP32)]
    if form.sum:
        found += nodes.range_nodes("r", added[0])
        found.append(nodes.quantize("r", "z", ("r/low", "r/high"), added[0]))
        taken = replace(taken, added=nodes.Integral("r", "r:1", "r:2"))
    taken = replace(taken, output=("c/low", "c/high"))
    return [
        *found,
        *nodes.range_nodes("c", made),
        nodes.convolution("c", source, taken, given.dtype, made.dtype, form.relu),
        nodes.dequantize("y", nodes.Integral("c", "c:1", "c:2"), made.dtype),
    ]


def channels_of(form: Alone) -> int:
    """How many numbers a bias has."""
    source = NodeDef()
    source.ParseFromString(form.node)
    deep = source.op == "DepthwiseConv2dNative"
    return int(np.prod(form.weight[2:])) if deep else form.weight[-1]
