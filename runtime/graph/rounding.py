"""Rounding fp32 values to the 16-bit formats, in NumPy, which has no bfloat16."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .formats import LIMITS
from .graph import Precision

Floats = npt.NDArray[np.float32]
Bits = npt.NDArray[np.uint16]

QUIET = np.uint32(0x7FC0)
"""Upper half of a NaN: rounding a NaN's bits could make it infinite."""


def bf16_bits(values: Floats) -> Bits:
    """fp32 (any shape) as bfloat16, in uint16: to nearest, ties to even."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    upper = bits >> np.uint32(16)
    odd = upper & np.uint32(1)
    nearest = (bits + np.uint32(0x7FFF) + odd) >> np.uint32(16)
    made = np.where(np.isnan(values), QUIET | (upper & np.uint32(0x8000)), nearest)
    return made.astype(np.uint16).reshape(np.shape(values))


def from_bf16_bits(bits: Bits) -> Floats:
    """The fp32 values (same shape) that bfloat16 in uint16 stands for, exactly."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def rounded(values: Floats, precision: Precision) -> Floats:
    """What is left of fp32 values after a cast to `precision` and back."""
    match precision:
        case Precision.BF16:
            return from_bf16_bits(bf16_bits(values))
        case Precision.FP16:
            with np.errstate(over="ignore"):
                return np.asarray(values, np.float16).astype(np.float32)
        case Precision.FP32:
            return np.asarray(values, np.float32)
        case Precision.INT8:
            raise ValueError("int8 rounds by a scale, which a format doesn't have")


def within_range(values: Floats, precision: Precision) -> Floats:
    """A constant as it is stored in `precision`: what would overflow is the largest.

    Infinities stay: the model has them on purpose.
    """
    if precision is Precision.FP32:
        return np.asarray(values, np.float32)
    largest = np.float32(LIMITS[precision].largest)
    return np.where(np.isinf(values), values, np.clip(values, -largest, largest))
