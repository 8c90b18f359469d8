"""What a tensor says of its size, held against the values that it has."""

from __future__ import annotations

from math import prod

import onnx
import onnx_ir as ir

from ....listing import listed
from ....refusals import Damaged, shown

VALUES = listed("float_data double_data int32_data int64_data uint64_data string_data")
"""Fields that hold a tensor's values other than as raw bytes."""

LARGEST = 1 << 48
"""Bytes of a tensor that can't be meant: sizes beyond it overflow somewhere."""


def nbytes(tensor: onnx.TensorProto, place: str) -> int:
    """Bytes of a tensor as raw data; 0 for strings.

    Raises:
        Damaged: Its type or its shape is none.
    """
    try:
        dtype = ir.DataType(tensor.data_type)
    except ValueError:
        raise Damaged(
            f"{shown(place)} has the unknown data type {tensor.data_type}"
        ) from None
    if any(size < 0 for size in tensor.dims):
        raise Damaged(f"{shown(place)} has a negative size: {_shape(tensor)}")
    if dtype == ir.DataType.UNDEFINED:
        raise Damaged(f"{shown(place)} has no data type")
    if dtype == ir.DataType.STRING:
        return 0
    bits: int = prod(tensor.dims) * dtype.bitwidth
    size = -(-bits // 8)
    if size > LARGEST:
        raise Damaged(f"{shown(place)} is too large: {_shape(tensor)}")
    return size


def check_values(tensor: onnx.TensorProto, place: str) -> None:
    """Hold the values inside the file against the shape.

    Raises:
        Damaged: There are more or fewer.
    """
    if tensor.HasField("segment"):
        raise Damaged(f"{shown(place)} is stored in segments")
    wanted, elements = nbytes(tensor, place), prod(tensor.dims)
    if tensor.data_type == onnx.TensorProto.STRING:
        needed = {elements}
    elif tensor.HasField("raw_data"):
        if len(tensor.raw_data) != wanted:
            raise Damaged(
                f"{shown(place)} has {len(tensor.raw_data)} bytes, its shape "
                f"{_shape(tensor)} takes {wanted}"
            )
        return
    elif tensor.data_type in (onnx.TensorProto.COMPLEX64, onnx.TensorProto.COMPLEX128):
        needed = {2 * elements}
    else:  # what takes less than a byte may be packed
        needed = {elements, min(elements, wanted)}
    given = sum(len(getattr(tensor, name)) for name in VALUES)
    if given not in needed:
        raise Damaged(
            f"{shown(place)} has {given} values, its shape {_shape(tensor)} takes "
            f"{elements}"
        )


def _shape(tensor: onnx.TensorProto) -> str:
    return f"({', '.join(map(str, tensor.dims))})"
