"""Operators that take integers with their scales, and compute in int8 by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import onnx_ir as ir

from ....listing import listed

CONTRIBUTED = "com.microsoft"
"""Domain of ONNX Runtime's own operators, which its quantizer writes."""


@dataclass(frozen=True, slots=True)
class Contraction:
    """A contraction of integers.

    Attributes:
        like: The operator on floats that contracts as it does.
        operands: Where its two operands are among its inputs.
    """

    like: str
    operands: tuple[int, int]


CONTRACTIONS: Mapping[tuple[str, str], Contraction] = {
    ("", "ConvInteger"): Contraction("Conv", (0, 1)),
    ("", "MatMulInteger"): Contraction("MatMul", (0, 1)),
    ("", "QLinearConv"): Contraction("Conv", (0, 3)),
    ("", "QLinearMatMul"): Contraction("MatMul", (0, 3)),
    (CONTRIBUTED, "DynamicQuantizeMatMul"): Contraction("MatMul", (0, 1)),
    (CONTRIBUTED, "MatMulIntegerToFloat"): Contraction("MatMul", (0, 1)),
    (CONTRIBUTED, "QGemm"): Contraction("Gemm", (0, 3)),
    (CONTRIBUTED, "QLinearConv"): Contraction("Conv", (0, 3)),
}

POINTWISE = listed(
    """
    QLinearAdd QLinearAveragePool QLinearGlobalAveragePool QLinearLeakyRelu QLinearMul
    QLinearReduceMean QLinearSigmoid QLinearSoftmax
    """
)
"""ONNX Runtime's, which compute value by value."""


ALL = POINTWISE | {operator for _domain, operator in CONTRACTIONS}
"""For a runtime that computes them all."""


def contraction(node: ir.Node) -> Contraction | None:
    """What the node contracts, None if it is none of these."""
    return CONTRACTIONS.get((node.domain, node.op_type))


def computes(node: ir.Node) -> bool:
    """Whether the node does arithmetic on integers with scales."""
    own = node.domain == CONTRIBUTED and node.op_type in POINTWISE
    return own or contraction(node) is not None
