"""Nodes that quantize, contract integers, and dequantize.

All ranges are SCALED ones, whose zero point is 0: uint8 for what is never negative,
int8 for the rest. oneDNN's kernels take no others. What a convolution adds is uint8: its
values are shifted where they may be negative, since kernels saturate sums of int8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from .....graph.graph import Precision
from ....protocol import Array
from ....quantizing.quantization import Scale
from ...ir.protos import NodeDef
from ...ir.schemas import FLOAT, TYPES
from ...ir.weights import constant

QINT8 = tf.qint8.as_datatype_enum
QUINT8 = tf.quint8.as_datatype_enum
TYPE = {"int8": QINT8, "uint8": QUINT8}
MOST = {"int8": 127, "uint8": 255}
"""The integer that the upper end of a range becomes."""

CONVOLUTIONS = {
    "Conv2D": "_FusedQuantizedConv2D",
    "DepthwiseConv2dNative": "_FusedQuantizedDepthwiseConv2D",
}
PRODUCT = "_QuantizedMatMul"
KEPT = ("strides", "padding", "explicit_paddings", "dilations", "data_format")
"""Attributes of a convolution that its int8 kernel has, too."""


@dataclass(frozen=True, slots=True)
class Integral:
    """A tensor in integers: references to it, and to the ends of its range."""

    values: str
    low: str
    high: str


def shift(scale: Scale) -> np.float32:
    """What is to be added to values so that their zero point is 0."""
    return np.float32(scale.zero_point * scale.scale)


def ends(scale: Scale) -> tuple[np.float32, np.float32]:
    """The range that a scale spans once its zero point is 0."""
    high = np.float32(scale.scale * MOST[scale.dtype])
    return (-high if scale.dtype == "int8" else np.float32(0)), high


def integers(name: str, values: Array) -> Any:
    """A Const node of int8 weights."""
    node = NodeDef(name=name, op="Const")
    node.attr["dtype"].type = QINT8
    proto = node.attr["value"].tensor
    proto.dtype = QINT8
    for size in values.shape:
        proto.tensor_shape.dim.add(size=size)
    proto.tensor_content = np.ascontiguousarray(values, np.int8).tobytes()
    return node


def range_nodes(name: str, scale: Scale) -> tuple[Any, Any]:
    """Const nodes of a range's ends: `name/low`, `name/high`."""
    low, high = ends(scale)
    return constant(f"{name}/low", low), constant(f"{name}/high", high)


def quantize(name: str, source: str, range_: Sequence[str], scale: Scale) -> Any:
    """A QuantizeV2 node, which takes fp32 alone."""
    node = NodeDef(name=name, op="QuantizeV2", input=[source, *range_])
    node.attr["T"].type = TYPE[scale.dtype]
    node.attr["mode"].s = b"SCALED"
    node.attr["round_mode"].s = b"HALF_TO_EVEN"
    return node


def dequantize(
    name: str, source: Integral, dtype: str, precision: Precision = Precision.FP32
) -> Any:
    """A Dequantize node, which writes fp32 or bf16."""
    node = NodeDef(name=name, op="Dequantize")
    node.input.extend([source.values, source.low, source.high])
    node.attr["T"].type = TYPE[dtype]
    node.attr["mode"].s = b"SCALED"
    node.attr["dtype"].type = TYPES[precision]
    return node


def added(name: str, one: str, other: str) -> Any:
    """A node that adds in fp32."""
    node = NodeDef(name=name, op="AddV2", input=[one, other])
    node.attr["T"].type = FLOAT
    return node


@dataclass(frozen=True, slots=True)
class Operands:
    """What an int8 contraction takes, by reference.

    Attributes:
        weight: s8.
        bias: fp32.
        output: Ends of the range of what it makes.
        added: u8, None without a sum. The kernel writes over it.
    """

    data: Integral
    weight: Integral
    bias: str
    output: Sequence[str] = ()
    added: Integral | None = None

    @property
    def all(self) -> list[str]:
        tensors = [self.data, self.weight, *([self.added] if self.added else [])]
        (data, weight, *added) = [each.values for each in tensors]
        ranges = [end for each in tensors for end in (each.low, each.high)]
        return [data, weight, self.bias, *added, *ranges, *self.output]

    @property
    def types(self) -> list[int]:
        """Those of all but the first."""
        added = [QUINT8] if self.added else []
        rest = len(self.all) - 3 - len(added)
        return [QINT8, FLOAT, *added, *[FLOAT] * rest]


def convolution(
    name: str, source: Any, taken: Operands, given: str, made: str, relu: bool
) -> Any:
    """A convolution of integers that makes integers.

    Args:
        source: The node in fp32.
        given: dtype of what it takes.
        made: dtype of what it makes.
    """
    node = NodeDef(name=name, op=CONVOLUTIONS[source.op], input=taken.all)
    for each in KEPT:
        if each in source.attr:
            node.attr[each].CopyFrom(source.attr[each])
    node.attr["Tinput"].type, node.attr["Tfilter"].type = TYPE[given], QINT8
    node.attr["Tbias"].type = FLOAT
    node.attr["Tsummand"].type = node.attr["out_type"].type = TYPE[made]
    outputs = [TYPE[made], FLOAT, FLOAT]
    return _fused(node, taken, TYPE[given], outputs, relu, "Requantize")


def product(
    name: str, taken: Operands, given: str, relu: bool, precision: Precision
) -> Any:
    """A product of integers that makes fp32 or bf16; its weight is not transposed.

    Without a bias the kernel would read beyond what it is given.
    """
    node = NodeDef(name=name, op=PRODUCT, input=taken.all)
    node.attr["T1"].type, node.attr["T2"].type = TYPE[given], QINT8
    node.attr["Tbias"].type = node.attr["U"].type = FLOAT
    node.attr["Tout"].type = TYPES[precision]
    return _fused(node, taken, TYPE[given], [TYPES[precision]], relu, "Dequantize")


def _fused(
    node: Any, taken: Operands, given: int, made: Sequence[int], relu: bool, last: str
) -> Any:
    node.attr["Tdevice_inputs"].list.type.extend([given, *taken.types])
    node.attr["Tdevice_outputs"].list.type.extend(made)
    for each in ("Thost_inputs", "Thost_outputs"):
        node.attr[each].list.SetInParent()
    added, ends_in = ["Sum"] if taken.added else [], ["Relu"] if relu else []
    steps = ["BiasAdd", *added, *ends_in, last]
    node.attr["fused_ops"].list.s.extend(step.encode() for step in steps)
    return node
