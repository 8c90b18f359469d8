"""Tensors whose values stay in the file until something reads them."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

Bytes = npt.NDArray[np.uint8]
Open = Callable[[Path], Bytes]


def files() -> Open:
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


def tensor(
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


@dataclass(frozen=True, slots=True)
class Span:
    """Where a tensor's bytes are."""

    path: Path
    offset: int
    length: int
