"""Texts of any length in an HDF5 file: the library makes room for what a header says.

A text is a length (4 bytes), the address of a heap and a place in it. HDF5 clears as much
memory as the length says before it looks at the heap, and has no call that tells the
length alone. So it is read out of the attribute's header, whose form is part of HDF5's
file format (IV.A.2.m, "The Attribute Message").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod
from mmap import mmap
from struct import unpack_from

Content = bytes | mmap
TEXT = 9
"""Class of a datatype of variable length."""
STORED = 16
"""Bytes of a text in a header: length, address, place."""
PREFIX = {1: 8, 2: 8, 3: 9}
"""Version of an attribute's header → its bytes before the name."""


def longer_than(content: Content, names: Iterable[bytes], most: int) -> bytes | None:
    """Name of an attribute with a text that is longer, None if there is none.

    Args:
        content: The file.
        names: Of all attributes.
    """
    for name in sorted(set(names)):
        place = content.find(name + b"\0")
        while place >= 0:
            if any(length > most for length in _lengths(content, place, name)):
                return name
            place = content.find(name + b"\0", place + 1)
    return None


def _lengths(content: Content, place: int, name: bytes) -> Iterator[int]:
    """Lengths of the texts of an attribute whose header has its name at a place."""
    for version, prefix in PREFIX.items():
        start = place - prefix
        if start < 0 or content[start] != version:
            continue
        sizes = unpack_from("<3H", content, start + 2)
        if sizes[0] != len(name) + 1:
            continue
        steps = [-(-size // 8) * 8 if version == 1 else size for size in sizes]
        datatype = place + steps[0]
        space = datatype + steps[1]
        data = space + steps[2]
        if data >= len(content) or content[datatype] & 0x0F != TEXT:
            continue
        fitting = (len(content) - data) // STORED
        for k in range(min(_points(content, space), fitting)):
            yield int(unpack_from("<I", content, data + k * STORED)[0])


def _points(content: Content, space: int) -> int:
    """Elements of a dataspace."""
    version, rank = content[space : space + 2]
    first = space + (8 if version == 1 else 4)
    if first + 8 * rank > len(content):
        return 0
    return prod(unpack_from(f"<{rank}Q", content, first))
