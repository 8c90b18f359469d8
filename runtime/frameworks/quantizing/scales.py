"""Scales and zero points from ranges.

As B. Jacob et al. have it ("Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018, section 3): the range is widened to hold
0, which some integer then stands for exactly.
"""

from __future__ import annotations

import numpy as np

from .quantization import Integers, Scale

ENDS = {"int8": (-128, 127), "uint8": (0, 255)}
SYMMETRIC = 127
"""The largest integer of a symmetric range: -128 has no counterpart."""

LEAST = float(np.finfo(np.float32).tiny)
"""Scales below it are subnormal, or zero: runtimes flush them."""


def scale_of(low: float, high: float, wanted: Integers) -> Scale:
    """How a tensor within [low, high] is quantized.

    Every value in there is off by half a scale at most, and 0 is exact. Where the range
    is empty, the scale is 1.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    dtype, scheme = wanted.dtype or "uint8", wanted.scheme
    if not wanted.dtype and scheme == "sym":
        dtype, scheme = ("int8", "sym") if low < 0 else ("uint8", "asym")
    least, most = ENDS[dtype]
    if scheme == "sym":
        middle = 0 if dtype == "int8" else 128
        return Scale(_stored(max(-low, high) / SYMMETRIC), middle, dtype)
    scale = _stored((high - low) / (most - least))
    zero = round(min(max(least - low / scale, least), most))
    return Scale(scale, zero, dtype)


def _stored(scale: float) -> float:
    """The scale in fp32, 1 where fp32 holds none so small."""
    return float(np.float32(scale)) if scale >= LEAST else 1.0
