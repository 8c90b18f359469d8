"""MXNet's arrays and NumPy's: bfloat16 is a record of one uint16 in both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ....common.errors import ModelError
from ....graph.graph import Precision
from ....graph.rounding import from_bf16_bits
from .library import mx, said_by

BF16 = np.dtype([("bfloat16", np.uint16)])
"""What MXNet takes for bfloat16."""

Values = npt.NDArray[Any]

DTYPES: dict[int, np.dtype[Any]] = {
    0: np.dtype(np.float32),
    1: np.dtype(np.float64),
    2: np.dtype(np.float16),
    3: np.dtype(np.uint8),
    4: np.dtype(np.int32),
    5: np.dtype(np.int8),
    6: np.dtype(np.int64),
    7: np.dtype(np.bool_),
    12: BF16,
}
"""MXNet's numbers (3rdparty/mshadow/mshadow/base.h)."""

NUMBERS = {dtype: number for number, dtype in DTYPES.items()}

PRECISIONS = {
    "float32": Precision.FP32,
    "bfloat16": Precision.BF16,
    "float16": Precision.FP16,
}


def name_of(dtype: Any) -> str:
    """The dtype's name: "bfloat16", "float32", "int64"."""
    found = np.dtype(dtype)
    return "bfloat16" if found == BF16 else found.name


def on_device(values: Values) -> Any:
    """An NDArray with these values, in their own dtype."""
    return mx.nd.array(values, ctx=mx.cpu(), dtype=values.dtype)


def given(value: Any) -> Any:
    """What a batch holds, as an NDArray: NumPy's arrays in their own dtype."""
    if isinstance(value, mx.nd.NDArray):
        return value.as_nd_ndarray()
    return on_device(np.asarray(value))


def widened(array: Any) -> Values:
    """NumPy's view of an NDArray; 16-bit floats as float32, other dtypes as they are.

    Raises:
        mxnet.base.MXNetError: What made the array failed: MXNet computes lazily.
    """
    values: Values = array.asnumpy()
    if values.dtype == BF16:
        return from_bf16_bits(values.view(np.uint16))
    return values.astype(np.float32) if values.dtype == np.float16 else values


def cast(array: Any, precision: Precision) -> Any:
    """An NDArray as the casts that `rewrite` writes make it."""
    return (
        mx.nd.Cast(array, dtype=dtype(precision))
        if (cast_operator(array.ndim) == "Cast")
        else mx.nd.amp_cast(array, dtype=dtype(precision))
    )


def dtype(precision: Precision) -> Any:
    """What MXNet's functions take for a precision."""
    return BF16 if precision is Precision.BF16 else precision.dtype


AMP_CAST_DIMENSIONS = 6


def cast_operator(dimensions: int) -> str:
    """The operator that casts: `amp_cast` rounds to nearest, `Cast` cuts off.

    oneDNN, which does the former, takes at most six dimensions.
    """
    return "amp_cast" if dimensions <= AMP_CAST_DIMENSIONS else "Cast"


def failed_on(batch: Iterable[Any], error: Exception) -> ModelError:
    """The model can't compute this batch."""
    given = ", ".join(f"{name_of(each.dtype)} {each.shape}" for each in batch)
    return ModelError(
        f"MXNet fails on the batch, {given}: {said_by(error)}",
        "Compare these sizes and dtypes with what the model takes: those of the data, or "
        "of model.inputs where there is none. If they are right, the parameters are "
        "another model's.",
    )
