"""Weights: in their file until something reads them, and in 16 bits when it does."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from ....graph.formats import LIMITS
from ....graph.graph import Precision
from ....graph.rounding import Floats, bf16_bits, within_range

Bytes = npt.NDArray[np.uint8]
Open = Callable[[Path], Bytes]

DTYPES = {
    Precision.FP32: ir.DataType.FLOAT,
    Precision.BF16: ir.DataType.BFLOAT16,
    Precision.FP16: ir.DataType.FLOAT16,
}

PRECISIONS = {dtype: precision for precision, dtype in DTYPES.items()}

AT_ONCE = 1 << 22
"""Values that are rounded at a time: it takes several times their memory."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a tensor's bytes are."""

    path: Path
    offset: int
    length: int


def mapped_files() -> Open:
    """Opens each file once: path → its bytes, read-only, mapped.

    One map for all tensors of a file: each holds a file descriptor.
    """
    opened: dict[Path, Bytes] = {}

    def read(path: Path) -> Bytes:
        if path not in opened:
            with path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            opened[path] = np.frombuffer(mapped, np.uint8)
        return opened[path]

    return read


def release(tensor: ir.TensorProtocol) -> None:
    """Let go of the memory that a mapped tensor took when it was read.

    It is read from the file again when it is needed again. Nothing is done to a tensor
    that is not mapped.
    """
    held: object = tensor.raw if isinstance(tensor, ir.Tensor) else None
    while isinstance(held, np.ndarray | memoryview):
        held = held.base if isinstance(held, np.ndarray) else held.obj
    if isinstance(held, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        held.madvise(mmap.MADV_DONTNEED)


def mapped_tensor(
    name: str, dtype: ir.DataType, shape: tuple[int, ...], span: Span, read: Open
) -> ir.TensorProtocol:
    """A tensor that lies in a file, of any dtype that has a NumPy counterpart."""
    if not prod(shape):
        return ir.Tensor(np.empty(shape, dtype.numpy()), dtype, name=name)
    data = read(span.path)[span.offset : span.offset + span.length]
    if dtype.bitwidth < 8:
        return ir.PackedTensor(data, dtype, shape=ir.Shape(shape), name=name)
    kind = np.dtype(dtype.numpy())
    values = np.frombuffer(data, kind.newbyteorder("<") if kind.isbuiltin else kind)
    return ir.Tensor(values.reshape(shape), dtype, name=name)


def register(graph: ir.Graph, tensor: ir.TensorProtocol) -> ir.Value:
    """The value of a new initializer, which has its tensor's name."""
    value = ir.Value(
        name=tensor.name,
        type=ir.TensorType(tensor.dtype),
        shape=ir.Shape(tensor.shape.dims),
        const_value=tensor,
    )
    graph.register_initializer(value)
    return value


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
        if source.size and source.all() and not made.any():
            _keep_from_zero(source, made, precision)
        release(tensor)
        return ir.Tensor(made.reshape(tensor.shape.numpy()))

    shape = ir.Shape(tensor.shape.numpy())
    return ir.LazyTensor(make, dtype=DTYPES[precision], shape=shape, name=tensor.name)


def _keep_from_zero(
    source: Floats, made: npt.NDArray[Any], precision: Precision
) -> None:
    """Let a constant that is nowhere zero be the least there is, not zero everywhere.

    It may be what keeps a divisor from zero.
    """
    least = np.float32(2 * LIMITS[precision].flush)
    made[:] = _narrow(np.copysign(least, source), precision)


def within_attributes(node: ir.Node, precision: Precision) -> None:
    """Let numbers among a node's attributes lie within the range of `precision`."""
    if precision in (Precision.FP32, Precision.INT8):
        return
    for name, attribute in list(node.attributes.items()):
        if attribute.is_ref() or attribute.type != ir.AttributeType.FLOAT:
            continue
        given = np.asarray(attribute.value, np.float32)
        held = float(within_range(given, precision))
        if held != given and np.isfinite(given):
            node.attributes[name] = ir.AttrFloat32(name, held)


def _narrow(values: Floats, precision: Precision) -> npt.NDArray[Any]:
    if precision is Precision.BF16:
        return bf16_bits(values).view(ml_dtypes.bfloat16)
    return values.astype(np.float16)
