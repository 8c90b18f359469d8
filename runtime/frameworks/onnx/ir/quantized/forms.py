"""How a runtime's int8 kernels want an op written: a rule for each runtime."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, field

import onnx_ir as ir

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


def chosen(wanted: Integers, own: Integers) -> Integers:
    """What a spec says of one side, and what the kernels want for the rest."""
    return Integers(
        own.dtype or wanted.dtype,
        own.scheme or wanted.scheme,
        own.granularity or wanted.granularity,
        own.algorithm or wanted.algorithm,
    )


def strictest(one: Integers, other: Integers) -> Integers:
    """What suits two takers of a tensor: it is quantized once.

    Any kernel takes what has no zero point; one that wants int8 takes nothing else.
    """
    dtypes = {one.dtype, other.dtype}
    dtype = next((each for each in ("int8", "") if each in dtypes), one.dtype)
    scheme = "sym" if "sym" in (one.scheme, other.scheme) else one.scheme
    return Integers(dtype, scheme, one.granularity, one.algorithm or other.algorithm)
