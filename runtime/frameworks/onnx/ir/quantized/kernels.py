"""Which ops a runtime computes in int8: a rule of its kernels', read off the model.

A model says that an op is quantized by what stands around it: its operands come from
DequantizeLinear, what it makes may go to QuantizeLinear. Whether a runtime then computes
in int8 depends on the forms that it has kernels for; in any other it computes in floats.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass

import onnx_ir as ir

from ..operators import is_standard
from . import integers
from .origins import BYTES, Origin, Origins

BIAS = {"Conv": 2, "Gemm": 2}
"""Operator → index of its bias."""

ROUNDS = frozenset({"QuantizeLinear"})
CLAMPS = frozenset({"Relu", "Clip", "QuantizeLinear"})
"""What a kernel with a quantized output takes over: the ends of its type clamp."""


@dataclass(frozen=True)
class Int8:
    """What a runtime demands of an op that it computes in int8.

    Attributes:
        operators: Those that it has such kernels for.
        weights: Types of a weight that they take.
        whole: Operators whose output must be quantized, too.
        biased: Operators whose bias must be dequantized, if they have one.
        symmetric: Whether weights, and both operands where none is a weight, must have
            no zero point, and the second of two such be signed.
        lone: Whether what is signed must be quantized for one reader only.
        integers: Operators on integers that it computes in int8 as they are; others are
            written in a form that it does.
    """

    operators: Set[str]
    weights: Set[ir.DataType] = BYTES
    whole: Set[str] = frozenset()
    biased: Set[str] = frozenset()
    symmetric: bool = False
    lone: bool = False
    integers: Set[str] = frozenset()


ANY = Int8(
    frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"}),
    integers=frozenset({"ConvInteger", "MatMulInteger"}),
)
"""Some runtime's: whatever is written so can be computed in int8."""


def int8_ops(model: ir.Model, int8: Int8) -> frozenset[ir.Node]:
    """The nodes that a runtime computes in int8, in bodies too."""
    return frozenset(_found(model, int8))


def _found(model: ir.Model, int8: Int8) -> Iterator[ir.Node]:
    origins = Origins(model)
    for node in model.graph.all_nodes():
        if integers.computes(node):
            known = node.op_type in int8.integers
        else:
            known = is_standard(node) and node.op_type in int8.operators
            known = known and _taken(node, int8, origins) and _made(node, int8)
        if known:
            yield node


def _taken(node: ir.Node, int8: Int8, origins: Origins) -> bool:
    """Whether the operands, and a bias, come in as the kernel demands."""
    data, weight = (origins.of(value) for value in node.inputs[:2])
    if data is None or weight is None or data.constant or not _readable(data, int8):
        return False
    index = BIAS.get(node.op_type, len(node.inputs))
    bias = node.inputs[index] if index < len(node.inputs) else None
    if bias is not None and node.op_type in int8.biased and not origins.is_bias(bias):
        return False
    if weight.constant:
        return weight.dtypes <= int8.weights and (
            weight.symmetric or not int8.symmetric
        )
    if node.op_type != "MatMul" or not _readable(weight, int8):
        return False
    signed = weight.dtypes <= {ir.DataType.INT8}
    return not int8.symmetric or (data.symmetric and weight.symmetric and signed)


def _readable(data: Origin, int8: Int8) -> bool:
    return data.dtypes <= BYTES and (
        not int8.lone or data.lone or ir.DataType.INT8 not in data.dtypes
    )


def _made(node: ir.Node, int8: Int8) -> bool:
    """Whether the output is rounded to integers, where it must be."""
    if node.op_type not in int8.whole:
        return True
    waiting = [node.outputs[0]]
    while waiting:
        value = waiting.pop()
        readers = [reader for reader, _ in value.uses()]
        if not readers or value.is_graph_output():
            return False
        for reader in readers:
            if not is_standard(reader) or reader.op_type not in CLAMPS:
                return False
            if reader.op_type not in ROUNDS:
                waiting.append(reader.outputs[0])
            elif int8.lone and not _lone(reader.outputs[0]):
                return False
    return True


def _lone(rounded: ir.Value) -> bool:
    """Whether integers are unsigned, or dequantized for one reader alone."""
    readers = [reader for reader, _ in rounded.uses()]
    alone = len(readers) == 1 and len(readers[0].outputs[0].uses()) == 1
    return alone or rounded.dtype != ir.DataType.INT8
