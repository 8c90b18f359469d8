"""Scales of weights, and weights as integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from ....quantizing.quantization import Integers, Scale
from ....quantizing.scales import ENDS, LEAST, SYMMETRIC
from ...ir.weights import release

FINE, MOST = float(1 << 24), float(1 << 30)
"""Steps of a bias: of a channel whose weights are all zero, and the most there may be."""

Floats = npt.NDArray[np.float32]


def unsigned(scale: Scale) -> Scale:
    """The same values by uint8."""
    if scale.dtype == "uint8":
        return scale
    return Scale(scale.scale, scale.zero_point + 128, "uint8")


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
    if wanted.scheme == "sym":
        zeros = np.full(stored.shape, 0 if wanted.dtype == "int8" else 128)
    else:
        zeros = np.clip(np.rint(least - low / stored), least, most)
    return WeightScales(stored, zeros.astype(wanted.dtype), axis)


def integers(tensor: ir.TensorProtocol, how: WeightScales) -> ir.LazyTensor:
    """A weight as integers, made anew whenever it is read."""
    dtype = ir.DataType.from_numpy(how.zeros.dtype)

    def make() -> ir.Tensor:
        values = tensor.numpy()
        shape = [1] * values.ndim
        if how.axis is not None:
            shape[how.axis] = -1
        made = values / how.scales.reshape(shape)
        np.rint(made, out=made)
        made += how.zeros.reshape(shape)
        info = np.iinfo(how.zeros.dtype)
        np.clip(made, info.min, info.max, out=made)
        release(tensor)
        return ir.Tensor(made.astype(how.zeros.dtype))

    shape = ir.Shape(tensor.shape.numpy())
    return ir.LazyTensor(make, dtype=dtype, shape=shape, name=tensor.name)


def bias_steps(bias: Floats, scale: Floats) -> npt.NDArray[np.int32]:
    """A bias as whole numbers of steps of `scale`."""
    ends = np.iinfo(np.int32)
    steps = np.rint(bias.astype(np.float64) / scale.astype(np.float64))
    return np.clip(steps, ends.min, ends.max).astype(np.int32)
