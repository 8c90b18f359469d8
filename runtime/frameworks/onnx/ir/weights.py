"""Constants in a 16-bit format, converted when they are read."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from ....graph.graph import Precision
from ....graph.rounding import Floats, bf16_bits, within_range
from . import mapped

DTYPES = {
    Precision.FP32: ir.DataType.FLOAT,
    Precision.BF16: ir.DataType.BFLOAT16,
    Precision.FP16: ir.DataType.FLOAT16,
}

PRECISIONS = {dtype: precision for precision, dtype in DTYPES.items()}

AT_ONCE = 1 << 22
"""Values that are rounded at a time: it takes several times their memory."""


def rounded_tensor(tensor: ir.TensorProtocol, precision: Precision) -> ir.LazyTensor:
    """An fp32 tensor in `precision`, what overflows as its largest value.

    It is made anew whenever it is read, so that it takes no memory in between.
    """

    def make() -> ir.Tensor:
        source = tensor.numpy().reshape(-1)
        made = np.empty(source.size, DTYPES[precision].numpy())
        for first in range(0, source.size, AT_ONCE):
            part = slice(first, first + AT_ONCE)
            made[part] = _narrow(within_range(source[part], precision), precision)
        mapped.release(tensor)
        return ir.Tensor(made.reshape(tensor.shape.numpy()))

    shape = ir.Shape(tensor.shape.numpy())
    return ir.LazyTensor(make, dtype=DTYPES[precision], shape=shape, name=tensor.name)


def _narrow(values: Floats, precision: Precision) -> npt.NDArray[Any]:
    if precision is Precision.BF16:
        return bf16_bits(values).view(ml_dtypes.bfloat16)
    return values.astype(np.float16)
