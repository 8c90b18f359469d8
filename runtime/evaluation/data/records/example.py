"""`tf.train.Example`: named lists of bytes, floats or integers, read without TensorFlow.

    Example  { features = 1: Features }
    Features { feature = 1: map<string, Feature> }
    Feature  { bytes_list = 1 | float_list = 2 | int64_list = 3 }, each { value = 1 … }

as TensorFlow's `core/example/feature.proto` has them, in the wire format of Protocol
Buffers. A `SequenceExample` begins with the same: its context is what is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Value = list[bytes] | npt.NDArray[np.float32] | npt.NDArray[np.int64]
"""What one feature holds: bytes, or float32 or int64 (values,)."""

Example = dict[str, Value]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""The wire types; groups (3 and 4) are not in these messages."""

BYTES_LIST, FLOAT_LIST, INT64_LIST = 1, 2, 3
"""Fields of a Feature."""

Field = tuple[int, int, Any]
"""Number, wire type, and the value: an integer of a varint, else the bytes."""


class Malformed(ValueError):
    """The bytes are no message of this kind."""


def read_example(record: bytes) -> Example:
    """The features of a serialised Example by name.

    What is written twice counts as written last; unknown fields are passed over.

    Raises:
        Malformed: The bytes are no Example.
    """
    found: Example = {}
    for features in _messages(record, 1):
        for entry in _messages(features, 1):
            name, feature = b"", b""
            for number, wire, value in _fields(entry):
                if number == 1 and wire == BYTES:
                    name = value
                elif number == 2 and wire == BYTES:
                    feature = value
            found[_text(name)] = _feature(feature)
    return found


def _feature(feature: bytes) -> Value:
    found: Value = []
    for number, wire, value in _fields(feature):
        if wire != BYTES:
            continue
        if number == BYTES_LIST:
            found = list(_messages(value, 1))
        elif number == FLOAT_LIST:
            found = _floats(value)
        elif number == INT64_LIST:
            found = _integers(value)
    return found


def _floats(message: bytes) -> npt.NDArray[np.float32]:
    """Packed or one by one, little-endian."""
    parts = []
    for number, wire, value in _fields(message):
        if number == 1 and wire in (BYTES, FIXED32):
            parts.append(value)
    data = b"".join(parts)
    if len(data) % 4:
        raise Malformed("floats of fewer than 4 bytes")
    return np.frombuffer(data, "<f4").astype(np.float32)


def _integers(message: bytes) -> npt.NDArray[np.int64]:
    """Packed or one by one; two's complement in 64 bits."""
    found: list[int] = []
    for number, wire, value in _fields(message):
        if number == 1 and wire == VARINT:
            found.append(value)
        elif number == 1 and wire == BYTES:
            at = 0
            while at < len(value):
                one, at = _varint(value, at)
                found.append(one)
    return np.array(found, np.uint64).astype(np.int64)


def _messages(message: bytes, wanted: int) -> Iterator[bytes]:
    """The values of one field that are bytes, or messages in themselves."""
    for number, wire, value in _fields(message):
        if number == wanted and wire == BYTES:
            yield value


def _fields(message: bytes) -> Iterator[Field]:
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if not number:
            raise Malformed("a field without a number")
        if wire == VARINT:
            value, at = _varint(message, at)
            yield number, wire, value
            continue
        size = {FIXED64: 8, FIXED32: 4}.get(wire)
        if wire == BYTES:
            size, at = _varint(message, at)
        if size is None:
            raise Malformed(f"a field of wire type {wire}")
        if size > end - at:
            raise Malformed(f"a field of {size} bytes, of which {end - at} are there")
        yield number, wire, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """An integer of up to 64 bits, 7 in a byte, and where the next field begins."""
    value = 0
    for place in range(10):
        if at >= len(message):
            raise Malformed("an integer that is cut off")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
    raise Malformed("an integer of more than 10 bytes")


def _text(name: bytes) -> str:
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("a feature's name is no UTF-8") from error
