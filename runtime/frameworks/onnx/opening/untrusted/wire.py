"""The protobuf encoding of a model, cut so that its weights stay in the file.

protobuf.dev/programming-guides/encoding: a message is a run of fields, each a tag
(number << 3 | wire type) and its value; messages, strings and packed numbers are
preceded by their length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import onnx

from ....refusals import Damaged

LARGE = 1 << 16
"""Bytes from which a tensor's values stay in the file."""

DEEPEST = 100
"""Messages within messages that protobuf itself reads."""

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message: its number and wire type, and where it lies.

    Attributes:
        start: Of its tag.
        value: Of what follows the tag and, for `LENGTH`, the length.
        end: Of the field.
    """

    number: int
    wire: int
    start: int
    value: int
    end: int


def without_weights(data: memoryview, location: str, large: int = LARGE) -> bytes:
    """An encoded ModelProto whose large tensors point into the file that it is in.

    Args:
        data: The file.
        location: Its name, for the external data that the tensors become.
        large: Bytes from which a tensor's values are left in the file.

    Raises:
        Damaged: The file is cut short, or is no protobuf message.
    """
    descriptor = onnx.ModelProto.DESCRIPTOR
    return b"".join(_kept(data, 0, len(data), descriptor, location, large, 0))


def fields(data: memoryview, start: int, end: int) -> Iterator[Field]:
    """The fields of the message that lies there."""
    at = start
    while at < end:
        tag, value = _varint(data, at, end)
        wire = tag & 7
        if wire == VARINT:
            _, after = _varint(data, value, end)
        elif wire == LENGTH:
            length, value = _varint(data, value, end)
            after = value + length
        elif wire in (FIXED32, FIXED64):
            after = value + (4 if wire == FIXED32 else 8)
        else:
            raise Damaged(f"is no ONNX model: byte {at} is no protobuf field")
        if after > end or not tag >> 3:
            raise Damaged(f"is cut short or damaged: byte {at} starts no whole field")
        yield Field(tag >> 3, wire, at, value, after)
        at = after


def _varint(data: memoryview, at: int, end: int) -> tuple[int, int]:
    """A number of 7 bits a byte, the last without the eighth; and where it ends."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= end:
            break
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise Damaged(f"is cut short or damaged: byte {at} ends no whole number")


def _kept(
    data: memoryview,
    start: int,
    end: int,
    descriptor: Any,
    location: str,
    large: int,
    depth: int,
) -> list[bytes | memoryview]:
    """The message in pieces: small fields as they are, large ones gone into."""
    if depth > DEEPEST:
        raise Damaged(f"nests messages deeper than {DEEPEST}")
    pieces: list[bytes | memoryview] = []
    copied = start
    for field in fields(data, start, end):
        known = descriptor.fields_by_number.get(field.number)
        inner = known.message_type if known is not None else None
        if field.wire != LENGTH or inner is None or field.end - field.value < large:
            continue
        if inner.full_name == onnx.SparseTensorProto.DESCRIPTOR.full_name:
            continue  # it is made dense from its values
        pieces.append(data[copied : field.start])
        copied = field.end
        if inner.full_name == onnx.TensorProto.DESCRIPTOR.full_name:
            body = _tensor(data, field.value, field.end, location, large)
        else:
            body = _kept(
                data, field.value, field.end, inner, location, large, depth + 1
            )
        pieces += [_tag(field.number, LENGTH), _number(sum(map(len, body))), *body]
    return [*pieces, data[copied:end]]


def _tensor(
    data: memoryview, start: int, end: int, location: str, large: int
) -> list[bytes | memoryview]:
    """A TensorProto, its values replaced by where they are in the file."""
    numbers = onnx.TensorProto.DESCRIPTOR.fields_by_name
    raw, floats = numbers["raw_data"].number, numbers["float_data"].number
    found = list(fields(data, start, end))
    values = [f for f in found if f.number in (raw, floats)]
    # Packed floats are stored as raw ones are; what comes in parts, protobuf joins.
    if len(values) != 1 or values[0].wire != LENGTH:
        return [data[start:end]]
    (value,) = values
    dtypes = [
        _varint(data, f.value, f.end)[0]
        for f in found
        if f.number == numbers["data_type"].number and f.wire == VARINT
    ]
    is_fp32 = dtypes[-1:] == [onnx.TensorProto.FLOAT]
    if value.end - value.value < large or (value.number == floats and not is_fp32):
        return [data[start:end]]
    where = onnx.TensorProto(data_location=onnx.TensorProto.EXTERNAL)
    for key, text in (
        ("location", location),
        ("offset", str(value.value)),
        ("length", str(value.end - value.value)),
    ):
        where.external_data.add(key=key, value=text)
    return [data[start : value.start], data[value.end : end], where.SerializeToString()]


def _tag(number: int, wire: int) -> bytes:
    return _number(number << 3 | wire)


def _number(value: int) -> bytes:
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)
