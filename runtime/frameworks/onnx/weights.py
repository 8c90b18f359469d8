"""Constants in a 16-bit format, converted when they are read."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import onnx_ir as ir

from ...graph import Precision
from ...rounding import bf16_bits, within_range

DTYPES = {
    Precision.FP32: ir.DataType.FLOAT,
    Precision.BF16: ir.DataType.BFLOAT16,
    Precision.FP16: ir.DataType.FLOAT16,
}

PRECISIONS = {dtype: precision for precision, dtype in DTYPES.items()}


def rounded_tensor(tensor: ir.TensorProtocol, precision: Precision) -> ir.LazyTensor:
    """An fp32 tensor in `precision`, what overflows as its largest value.

    It is made anew whenever it is read, so that it takes no memory in between.
    """

    def make() -> ir.Tensor:
        values = within_range(tensor.numpy(), precision)
        if precision is Precision.BF16:
            return ir.Tensor(bf16_bits(values).view(ml_dtypes.bfloat16))
        return ir.Tensor(values.astype(np.float16))

    shape = ir.Shape(tensor.shape.numpy())
    return ir.LazyTensor(make, dtype=DTYPES[precision], shape=shape, name=tensor.name)
