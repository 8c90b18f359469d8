"""Scales and zero points from ranges, and weights as integers.

As B. Jacob et al. have it ("Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018, section 3): the range is widened to hold
0, which some integer then stands for exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .quantization import Integers, Scale

ENDS = {"int8": (-128, 127), "uint8": (0, 255)}
SYMMETRIC = 127
"""The largest integer of a symmetric range: -128 has no counterpart."""

LEAST = float(np.finfo(np.float32).tiny)
"""Scales below it are subnormal, or zero: runtimes flush them."""

FINE, MOST = float(1 << 24), float(1 << 30)
"""Steps of a bias: of a channel whose weights are all zero, and the most there may be."""

Floats = npt.NDArray[np.float32]


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
        scale = _stored(max(-low, high) / SYMMETRIC, wanted.bf16)
        return Scale(scale, middle, dtype)
    scale = _stored((high - low) / (most - least), wanted.bf16)
    zero = round(min(max(least - low / scale, least), most))
    return Scale(scale, zero, dtype)


def unsigned(scale: Scale) -> Scale:
    """The same values by uint8."""
    if scale.dtype == "uint8":
        return scale
    return Scale(scale.scale, scale.zero_point + 128, "uint8")


def _stored(scale: float, bf16: bool) -> float:
    """The scale in fp32, 1 where fp32 holds none so small."""
    if scale < LEAST:
        return 1.0
    stored = np.array(scale, np.float32)
    return float(raised_to_bf16(stored) if bf16 else stored)


def raised_to_bf16(scales: Floats) -> Floats:
    """The least numbers of bf16 that are no smaller: the range stays covered."""
    bits = np.asarray(scales, np.float32).view(np.uint32)
    raised = (bits + np.uint32(0xFFFF)) & np.uint32(0xFFFF0000)
    return raised.view(np.float32)


@dataclass(frozen=True)
class WeightScales:
    """How a weight is quantized.

    Attributes:
        scales: One for each channel, or a scalar.
        zeros: The integers that stand for 0, of the same shape.
        axis: That of the channels, None of a scalar.
    """

    scales: Floats
    zeros: npt.NDArray[Any]
    axis: int | None


def weight_scales(
    values: Floats, axis: int | None, wanted: Integers, bias: Floats | None = None
) -> WeightScales:
    """The scales of a weight, by its least and largest values.

    Args:
        axis: That of the channels; None for one scale of all.
        bias: What is added to each channel, over the scale of what the op takes: as a
            whole number of steps it must fit 32 bits.
    """
    others = tuple(each for each in range(values.ndim) if each != axis)
    low = np.minimum(values.min(others, initial=0.0), 0).astype(np.float64)
    high = np.maximum(values.max(others, initial=0.0), 0).astype(np.float64)
    least, most = ENDS[wanted.dtype]
    if wanted.scheme == "sym":
        scales = np.maximum(-low, high) / SYMMETRIC
    else:
        scales = (high - low) / (most - least)
    if bias is not None:
        size = np.abs(bias.astype(np.float64))
        steps = np.where(scales > 0, MOST, FINE)
        floors = size / steps
        scales = np.maximum(scales, floors if axis is not None else floors.max())
    stored = np.where(scales >= LEAST, scales, 1.0).astype(np.float32)
    if wanted.bf16:
        stored = raised_to_bf16(stored)
    if wanted.scheme == "sym":
        zeros = np.full(stored.shape, 0 if wanted.dtype == "int8" else 128)
    else:
        zeros = np.clip(np.rint(least - low / stored), least, most)
    return WeightScales(stored, zeros.astype(wanted.dtype), axis)


def integers(values: Floats, how: WeightScales) -> npt.NDArray[Any]:
    """A weight as integers, of the dtype that its zero points have."""
    shape = [1] * values.ndim
    if how.axis is not None:
        shape[how.axis] = -1
    made = values / how.scales.reshape(shape)
    np.rint(made, out=made)
    made += how.zeros.reshape(shape)
    info = np.iinfo(how.zeros.dtype)
    np.clip(made, info.min, info.max, out=made)
    return made.astype(how.zeros.dtype)


def bias_steps(bias: Floats, scale: Floats) -> npt.NDArray[np.int32]:
    """A bias as whole numbers of steps of `scale`."""
    ends = np.iinfo(np.int32)
    steps = np.rint(bias.astype(np.float64) / scale.astype(np.float64))
    return np.clip(steps, ends.min, ends.max).astype(np.int32)
