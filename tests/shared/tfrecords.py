"""TFRecord files and Examples as TensorFlow writes them, by the formats' definitions."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Values = Sequence[bytes] | Sequence[float] | Sequence[int]


def crc32c(data: bytes) -> int:
    """CRC-32C bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _bit in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    crc = crc32c(data)
    rotated = (crc >> 15 | crc << 17) & 0xFFFFFFFF
    return struct.pack("<I", (rotated + 0xA282EAD8) & 0xFFFFFFFF)


def write_records(path: Path, records: Iterable[bytes]) -> Path:
    with path.open("wb") as file:
        for record in records:
            size = struct.pack("<Q", len(record))
            file.write(size + masked(size) + record + masked(record))
    return path


def varint(number: int) -> bytes:
    number &= 2**64 - 1
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*found, number))


def message(number: int, content: bytes) -> bytes:
    """A field of bytes."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def feature(values: Values, packed: bool = True) -> bytes:
    """A Feature: of bytes, floats or integers."""
    if not values or isinstance(values[0], bytes):
        return message(1, b"".join(message(1, bytes(v)) for v in values))  # type: ignore[arg-type]
    if isinstance(values[0], float):
        parts = [struct.pack("<f", value) for value in values]
        number, wire = 2, 5
    else:
        parts = [varint(int(value)) for value in values]
        number, wire = 3, 0
    one_by_one = b"".join(varint(1 << 3 | wire) + part for part in parts)
    return message(number, message(1, b"".join(parts)) if packed else one_by_one)


def example(features: Mapping[str, Values], packed: bool = True) -> bytes:
    entries = (
        message(1, message(1, name.encode()) + message(2, feature(values, packed)))
        for name, values in features.items()
    )
    return message(1, b"".join(entries))


def encoded(pixels: Any, kind: str = "PNG", mode: str | None = None) -> bytes:
    """An image file of uint8 pixels."""
    image = Image.fromarray(np.asarray(pixels, np.uint8))
    file = BytesIO()
    (image.convert(mode) if mode else image).save(file, kind)
    return file.getvalue()


def picture(number: int, height: int = 3, width: int = 4) -> Any:
    """Pixels in colour, others for each number."""
    generator = np.random.default_rng(number)
    return generator.integers(0, 256, (height, width, 3), np.uint8)
