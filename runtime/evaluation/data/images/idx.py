"""IDX files, the format of MNIST: bytes with their dimensions in front.

The magic number is 0, 0, the type (8: unsigned bytes), and how many dimensions follow,
each in 4 bytes, big-endian (Y. LeCun, "The MNIST database", "file formats").
"""

from __future__ import annotations

import gzip
import zlib
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError

UNSIGNED_BYTES = 8
DIMENSIONS = 32
"""More than these no file of images has, nor has NumPy in all its versions."""

LARGEST = 2**31
"""Bytes: more is no file of this kind, but one with a false header."""


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """The array of a file, compressed (.gz) or not.

    Raises:
        DataError: The file is none, or holds fewer or more bytes than it says.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            return _read(file, path)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path.name} can't be read: {error}") from error


def _read(file: BinaryIO | gzip.GzipFile, path: Path) -> npt.NDArray[np.uint8]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:3] != bytes((0, 0, UNSIGNED_BYTES)) or not magic[3]:
        raise DataError(
            f"{path.name} is no IDX file of bytes: it begins with {magic.hex(' ')}"
        )
    if magic[3] > DIMENSIONS:
        raise DataError(f"{path.name}: its header is false: {magic[3]} dimensions")
    dimensions = file.read(4 * magic[3])
    shape = tuple(np.frombuffer(dimensions[: len(dimensions) // 4 * 4], ">u4").tolist())
    if len(shape) < magic[3] or prod(shape) > LARGEST:
        raise DataError(f"{path.name} is cut off, or its header is false: {shape}")
    data = file.read(prod(shape) + 1)
    if len(data) != prod(shape):
        raise DataError(
            f"{path.name} says {shape}, which are {prod(shape)} bytes, and holds "
            f"{'more' if len(data) > prod(shape) else len(data)}"
        )
    return np.frombuffer(data, np.uint8).reshape(shape)
