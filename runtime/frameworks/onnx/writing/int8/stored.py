"""Weights as integers, which are made only when they are read."""

from __future__ import annotations

import onnx_ir as ir

from ....quantizing.scaling import WeightScales, integers
from ...ir.weights import release


def stored(tensor: ir.TensorProtocol, how: WeightScales) -> ir.LazyTensor:
    """A weight as integers, made anew whenever it is read."""
    dtype = ir.DataType.from_numpy(how.zeros.dtype)

    def make() -> ir.Tensor:
        made = integers(tensor.numpy(), how)
        release(tensor)
        return ir.Tensor(made)

    shape = ir.Shape(tensor.shape.numpy())
    return ir.LazyTensor(make, dtype=dtype, shape=shape, name=tensor.name)
