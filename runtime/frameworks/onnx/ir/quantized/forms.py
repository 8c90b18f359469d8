"""How a runtime's int8 kernels want an op written: a rule for each runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field

import onnx_ir as ir

from .....graph.graph import Precision
from ....quantizing.quantization import Integers

OPERATORS = frozenset({"Conv", "Gemm", "MatMul"})
"""Those that are written between QuantizeLinear and DequantizeLinear."""


@dataclass(frozen=True)
class Forms:
    """What the int8 kernels of a runtime want, where a spec says nothing else.

    Attributes:
        computed: A model's contractions that the runtime computes in int8, each told by
            the names of what stands around it.
        activation: What an op with a weight takes. No dtype means uint8 where nothing
            is negative, else int8.
        pair: The two operands of an op that has no weight.
        signed: Whether activations may be int8; else uint8 stands for the same values.
        weight: Of any op.
        whole: Operators whose output must be quantized too.
        added: Whether that holds for a product to which an Add alone adds.
        dynamic: Operators that it computes in int8 with scales that come as it runs.
        biased: Operators whose bias must be 32 bits in the scale of the sum.
        sums: Whether an addition to what a convolution makes is part of its kernel,
            where both sides are quantized.
        narrow: Operators whose kernel leaves 16 bits for nothing, where what they take
            is dequantized to 16 bits: the precisions in which it does.
        filled: Operators whose kernel must have a bias where it is read more than once.
    """

    computed: Callable[[ir.Model], frozenset[str]]
    activation: Integers = field(default_factory=lambda: Integers("uint8", "asym"))
    pair: tuple[Integers, Integers] = (
        Integers("uint8", "asym"),
        Integers("uint8", "asym"),
    )
    weight: Integers = field(
        default_factory=lambda: Integers("int8", "sym", "per_channel")
    )
    signed: bool = True
    whole: Set[str] = frozenset()
    added: bool = False
    biased: Set[str] = frozenset()
    dynamic: Set[str] = frozenset()
    sums: bool = False
    narrow: Mapping[str, Set[Precision]] = field(default_factory=dict)
    filled: Set[str] = frozenset()
