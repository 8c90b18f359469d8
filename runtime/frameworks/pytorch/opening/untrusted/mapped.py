"""Large weights of a `.pt2`: used where the file has them, not copied."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
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


ONE_ELEMENT = bytes(16)
"""What stands for a mapped member: an element, whatever it is, repeated by strides of 0."""


@dataclass(frozen=True)
class Mapped:
    """A tensor whose bytes are in a member of the archive.

    Attributes:
        start: Where they begin in the file.
        strides: In elements.
    """

    start: int
    strides: tuple[int, ...]


def whole(meta: Mapping[str, Any], size: int) -> bool:
    """Whether a tensor of the CPU is all of `size` bytes, by its form in the archive."""
    numbers = [*meta["sizes"], *meta["strides"], meta["storage_offset"]]
    *dims, offset = (each.get("as_int") for each in numbers)
    if any(type(each) is not int for each in (*dims, offset)) or offset:
        return False
    dtype = deserialize_scalar_type(ScalarType(meta["dtype"]))
    sizes = dims[: len(meta["sizes"])]
    here: bool = meta["device"]["type"] == "cpu"
    return here and math.prod(sizes) * dtype.itemsize == size


def begins(archive: ZipFile, info: ZipInfo) -> int | None:
    """Where a large member's bytes begin, held to their sum; None if it is to be read.

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
    return None if start % ALIGNED else start


def stand_ins(tensors: Mapping[str, Any], start: int) -> dict[str, Mapped]:
    """Let tensors of a member be one element to torch; what they are, by name."""
    found = {}
    for name, meta in tensors.items():
        strides = tuple(each["as_int"] for each in meta["strides"])
        found[name] = Mapped(start, strides)
        meta["strides"] = [{"as_int": 0} for _ in strides]
    return found


def put_in(program: ExportedProgram, path: Path, places: Mapping[str, Mapped]) -> None:
    """Let the program have from the file what an element stood for.

    Args:
        places: Name of a weight or a constant → what it is.
    """
    if not places:
        return
    whole = torch.UntypedStorage.from_file(str(path), False, path.stat().st_size)
    storages: dict[int, torch.UntypedStorage] = {}
    for held in (program.state_dict, program.constants):
        for name in places.keys() & held.keys():
            start, old = places[name].start, held[name]
            size = old.numel() * old.element_size()
            if start not in storages:
                storages[start] = whole[start : start + size]
            held[name] = _over(old, storages[start], places[name].strides)


def _over(
    old: torch.Tensor, storage: torch.UntypedStorage, strides: tuple[int, ...]
) -> torch.Tensor:
    """A tensor of the same kind and sizes, its values from elsewhere."""
    made = torch.empty(0, dtype=old.dtype).set_(storage, 0, old.size(), strides)
    if isinstance(old, torch.nn.Parameter):
        return torch.nn.Parameter(made, requires_grad=old.requires_grad)
    return made.requires_grad_(old.requires_grad)
