"""How floats become integers, as a spec says it, and the scales that came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Integers:
    """How one side of an op is quantized; "" leaves it to what the kernels want.

    Attributes:
        dtype: "int8" or "uint8".
        scheme: "sym" (the zero point is 0, or 128 of uint8) or "asym".
        granularity: "per_tensor" or "per_channel".
        algorithm: Of the range: "minmax", or "kl" (least divergence of histograms).
        bf16: Whether bf16 must hold the scale to the bit, which no spec says.
    """

    dtype: str = ""
    scheme: str = ""
    granularity: str = ""
    algorithm: str = ""
    bf16: bool = False


def chosen(wanted: Integers, own: Integers) -> Integers:
    """What a spec says of one side, and what the kernels want for the rest."""
    return Integers(
        own.dtype or wanted.dtype,
        own.scheme or wanted.scheme,
        own.granularity or wanted.granularity,
        own.algorithm or wanted.algorithm,
        wanted.bf16,
    )


def strictest(one: Integers, other: Integers) -> Integers:
    """What suits two takers of a tensor: it is quantized once.

    Any kernel takes what has no zero point; one that wants int8 takes nothing else.
    """
    dtypes = {one.dtype, other.dtype}
    dtype = next((each for each in ("int8", "") if each in dtypes), one.dtype)
    scheme = "sym" if "sym" in (one.scheme, other.scheme) else one.scheme
    algorithm, bf16 = one.algorithm or other.algorithm, one.bf16 or other.bf16
    return Integers(dtype, scheme, one.granularity, algorithm, bf16)


@dataclass(frozen=True, slots=True)
class Sides:
    """How an op's activations and weights are quantized."""

    activation: Integers = field(default_factory=Integers)
    weight: Integers = field(default_factory=Integers)


@dataclass(frozen=True)
class Quantization:
    """What a spec says of int8.

    Attributes:
        dynamic: Whether scales of activations are computed as the model runs.
        samples: How many the ranges are taken from.
        sides: Of all ops that nothing below names.
        types: Op type, compared as `Pins.types` are → of its ops.
        names: Regular expression that must match a whole op id → of those ops.
        by_op: Op id → its own: what the above say, once there is a graph.
    """

    dynamic: bool = False
    samples: int = 100
    sides: Sides = field(default_factory=Sides)
    types: Mapping[str, Sides] = field(default_factory=dict)
    names: Mapping[str, Sides] = field(default_factory=dict)
    by_op: Mapping[str, Sides] = field(default_factory=dict)

    def of(self, op: str) -> Sides:
        """How an op is quantized."""
        return self.by_op.get(op, self.sides)


@dataclass(frozen=True, slots=True)
class Scale:
    """How a tensor is quantized: real = (integer - zero_point) * scale.

    Attributes:
        scale: Per tensor: greater than 0.
        zero_point: The integer that stands for 0.
        dtype: "int8" or "uint8".
    """

    scale: float
    zero_point: int
    dtype: str


Scales = Mapping[str, Scale]
"""Tensor → its scale, of activations: those of weights follow from the weights."""
