"""Large weights of a `.pt2`: used where the file has them, not copied."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

import torch
from torch._export.serde.schema import ScalarType
from torch._export.serde.serialize import deserialize_scalar_type
from torch.export import ExportedProgram

LARGE = 1 << 20
"""Bytes of a member from which on it is mapped."""

ALIGNED = 64
"""Bytes that torch aligns members to, and its own memory: kernels' sums go by it."""

LOCAL = struct.Struct("<26xHH")
"""A member's local header, up to the lengths of its name and of what else is there."""

CHUNK = 1 << 20


@dataclass(frozen=True)
class Mapped:
    """A tensor whose bytes are in a member of the archive.

    Attributes:
        start: Where the member's bytes begin in the file.
        size: Their number.
    """

    start: int
    size: int


def place(archive: ZipFile, info: ZipInfo) -> Mapped | None:
    """Where a stored member's bytes are, held to their sum; None if it is to be read.

    Raises:
        BadZipFile: They are not as they were written.
    """
    if info.file_size < LARGE or archive.fp is None:
        return None
    with archive.open(info) as member:  # checks its header, and at the end its sum
        while member.read(CHUNK):
            pass
    archive.fp.seek(info.header_offset)
    lengths = LOCAL.unpack(archive.fp.read(LOCAL.size))
    start = info.header_offset + LOCAL.size + sum(lengths)
    return None if start % ALIGNED else Mapped(start, info.file_size)


def whole(meta: Mapping[str, Any], size: int) -> bool:
    """Whether a tensor of the CPU is all of `size` bytes, by its form in the archive."""
    sizes = [each.get("as_int") for each in meta["sizes"]]
    if not all(type(each) is int for each in sizes) or meta["device"]["type"] != "cpu":
        return False
    dtype = deserialize_scalar_type(ScalarType(meta["dtype"]))
    offset = meta["storage_offset"].get("as_int")
    return offset == 0 and math.prod(sizes) * dtype.itemsize == size


def put_in(program: ExportedProgram, path: Path, places: Mapping[str, Mapped]) -> None:
    """Let the program have its large weights, which were opened as zeros, from the file.

    Args:
        places: Name of a weight or a constant → where its storage is.
    """
    if not places:
        return
    whole = torch.UntypedStorage.from_file(str(path), False, path.stat().st_size)
    storages = {
        each: whole[each.start : each.start + each.size]
        for each in dict.fromkeys(places.values())
    }
    for held in (program.state_dict, program.constants):
        for name in _of(held, places):
            held[name] = _over(held[name], storages[places[name]])


def _of(held: Mapping[str, Any], places: Mapping[str, Mapped]) -> Iterable[str]:
    return [name for name in held if name in places]


def _over(zeros: torch.Tensor, storage: torch.UntypedStorage) -> torch.Tensor:
    """The tensor of the same form, its values from elsewhere."""
    made = torch.empty(0, dtype=zeros.dtype).set_(
        storage, zeros.storage_offset(), zeros.size(), zeros.stride()
    )
    if isinstance(zeros, torch.nn.Parameter):
        return torch.nn.Parameter(made, requires_grad=zeros.requires_grad)
    return made.requires_grad_(zeros.requires_grad)
