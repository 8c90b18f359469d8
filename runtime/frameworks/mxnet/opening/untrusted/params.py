"""The .params format, read and written here: MXNet's reader trusts what it reads.

A file is a list of arrays and a list of their names, little-endian. An array is a
magic number, a storage type, its shape, a device, a dtype and its bytes
(src/ndarray/ndarray.cc, NDArray::Save, Load and LegacyLoad).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from .....common.errors import DamagedError, ModelError
from ...ir.arrays import DTYPES, NUMBERS, Values

LIST = 0x112
V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
CPU = 1

MOST_DIMENSIONS = 32


@dataclass
class Cursor:
    """A place in a file's bytes; what would go beyond their end is an error."""

    data: memoryview
    name: str
    at: int = 0

    def numbers(self, form: str) -> tuple[int, ...]:
        """The next numbers, in `struct`'s notation."""
        layout = struct.Struct("<" + form)
        found: tuple[int, ...] = layout.unpack(self.take(layout.size))
        return found

    def take(self, size: int) -> memoryview:
        """The next bytes.

        Raises:
            ModelError: There are not so many.
        """
        end = self.at + size
        if end > len(self.data):
            raise corrupt(
                self.name,
                f"it ends after {len(self.data)} bytes, where byte {end} is said to be",
            )
        taken, self.at = self.data[self.at : end], end
        return taken


def corrupt(name: str, text: str) -> ModelError:
    """What is wrong with a file of parameters."""
    return ModelError(
        f"{name} is no file of MXNet parameters: {text}",
        "Copy it again, or save it again: block.save_parameters, mx.nd.save.",
    )


def read(path: Path) -> dict[str, Values]:
    """The arrays of a .params file by name, without the prefixes `arg:` and `aux:`.

    Raises:
        ModelError: The file is missing, corrupt, or holds sparse or unnamed arrays.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DamagedError(
            f"{path} can't be read: {error.strerror or error}",
            "Check the path of the parameters in the spec.",
        ) from error
    return parse(data, path.name)


def parse(data: bytes, name: str) -> dict[str, Values]:
    """The arrays in a file's bytes; raises as `read`."""
    cursor = Cursor(memoryview(data), name)
    magic, _reserved, count = cursor.numbers("QQQ")
    if magic != LIST:
        raise corrupt(name, "it does not begin as one")
    if count > len(data):
        raise corrupt(name, f"it claims to hold {count} arrays")
    arrays = [_array(cursor) for _ in range(count)]
    (named,) = cursor.numbers("Q")
    if named != count:
        raise corrupt(name, f"it holds {count} arrays and {named} names")
    names = [_name(cursor) for _ in range(count)]
    plain = [each.removeprefix("arg:").removeprefix("aux:") for each in names]
    if len(set(plain)) < count:
        raise corrupt(name, "two of its arrays have one name")
    return dict(zip(plain, arrays, strict=True))


def _array(cursor: Cursor) -> Values:
    (magic,) = cursor.numbers("I")
    if magic in (V2, V3):
        (storage,) = cursor.numbers("i")
        if storage:
            raise ModelError(
                f"{cursor.name} holds sparse arrays",
                "Save them dense: array.tostype('default').",
            )
    if magic in (V1, V2, V3):
        (dimensions,) = cursor.numbers("i")
        shape = _sizes(cursor, dimensions, "q")
    else:
        shape = _sizes(cursor, magic, "I")
    if not shape and magic != V3:
        raise corrupt(cursor.name, "an array has no shape")
    _device, _number = cursor.numbers("ii")
    (kind,) = cursor.numbers("i")
    if kind not in DTYPES:
        raise corrupt(cursor.name, f"an array has dtype number {kind}")
    dtype = DTYPES[kind]
    data = cursor.take(prod(shape) * dtype.itemsize)
    values: Values = np.frombuffer(data, dtype).reshape(shape)
    return values


def _sizes(cursor: Cursor, dimensions: int, form: str) -> tuple[int, ...]:
    if not 0 <= dimensions <= MOST_DIMENSIONS:
        raise corrupt(cursor.name, f"an array claims to have {dimensions} dimensions")
    sizes = cursor.numbers(form * dimensions)
    if any(size < 0 for size in sizes):
        raise corrupt(cursor.name, f"an array has shape {sizes}")
    return sizes


def _name(cursor: Cursor) -> str:
    (size,) = cursor.numbers("Q")
    try:
        return bytes(cursor.take(size)).decode()
    except UnicodeDecodeError as error:
        raise corrupt(cursor.name, "a name is no UTF-8") from error


def to_bytes(arrays: Mapping[str, Values]) -> bytes:
    """A file's bytes: the arrays in order, under names with their prefixes."""
    parts = [struct.pack("<QQQ", LIST, 0, len(arrays))]
    for values in arrays.values():
        sizes = values.shape
        magic = V2 if sizes and 0 not in sizes else V3
        parts += [
            struct.pack(f"<Iii{len(sizes)}q", magic, 0, len(sizes), *sizes),
            struct.pack("<iii", CPU, 0, NUMBERS[values.dtype]),
            np.ascontiguousarray(values).tobytes(),
        ]
    parts.append(struct.pack("<Q", len(arrays)))
    for name in arrays:
        encoded = name.encode()
        parts += [struct.pack("<Q", len(encoded)), encoded]
    return b"".join(parts)
