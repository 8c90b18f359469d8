"""What a file makes of its bytes: a few of them may declare more than memory holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path
from typing import Any

import h5py
import tensorflow as tf

from .texts import Content, longer_than

SPARE = 1 << 28
"""Bytes that any file may grow to: a constant that is one value everywhere, say."""

RATIO = 100
"""Times that compressed bytes may grow."""


def grows(declared: int, stored: int) -> str:
    """Why something is not read that declares so much, "" if it is."""
    if declared <= SPARE + RATIO * stored:
        return ""
    return f"declares {declared} bytes, for which the file holds {stored}"


def of_constants(nodes: Iterable[Any]) -> str:
    """Why constants are too large for what is stored of them, "" if they aren't."""
    declared = stored = 0
    for node in nodes:
        if node.op == "Const" and "value" in node.attr:
            tensor = node.attr["value"].tensor
            item = tf.as_dtype(tensor.dtype).size or 1
            declared += item * prod(max(dim.size, 0) for dim in tensor.tensor_shape.dim)
            stored += tensor.ByteSize()
            if reason := grows(declared, stored):
                return f"constant {node.name} {reason}"
    return ""


def of_hdf5(file: h5py.File, content: Content) -> str:
    """Why something in an HDF5 file is too large for the file, "" if nothing is.

    Nothing is read but headers.
    """
    declared, size, names = 0, len(content), set()
    for part in _parts(file):
        if isinstance(part, h5py.Dataset):
            own = _bytes(part.id)
            packed = part.id.get_create_plist().get_nfilters() > 0
            most = SPARE + RATIO * part.id.get_storage_size() if packed else size
            if own > most or part.id.get_type().get_class() == h5py.h5t.VLEN:
                return f"{part.name} {_said(own, size)}"
            declared += 0 if packed else own
        for k in range(h5py.h5a.get_num_attrs(part.id)):
            attribute = h5py.h5a.open(part.id, index=k)
            names.add(attribute.name)
            own = _bytes(attribute)
            if own > size:
                return f"attribute {attribute.name!r} {_said(own, size)}"
    if declared > size:
        return f"all in all {_said(declared, size)}"
    long = longer_than(content, names, size)
    return "" if long is None else f"attribute {long!r} has a text longer than the file"


def _said(declared: int, size: int) -> str:
    return f"declares {declared} bytes, the file has {size}"


def of_archive(archive: Any, path: Path) -> str:
    """Why an archive's members are too large for it, "" if they aren't."""
    declared = sum(info.file_size for info in archive.infolist())
    return grows(declared, path.stat().st_size)


def _bytes(part: Any) -> int:
    """What a dataset or attribute takes in memory, text of any length aside."""
    points, item = (
        part.get_space().get_simple_extent_npoints(),
        part.get_type().get_size(),
    )
    return int(points) * int(item)


def _parts(file: h5py.File) -> Iterator[Any]:
    """Groups and data sets, each once, links to elsewhere aside."""
    waiting, seen = [file["/"]], set()
    while waiting:
        part = waiting.pop()
        address = h5py.h5o.get_info(part.id).addr
        if address in seen:
            continue
        seen.add(address)
        yield part
        if isinstance(part, h5py.Group):
            links = ((name, part.get(name, getlink=True)) for name in part)
            waiting.extend(
                part[name] for name, link in links if isinstance(link, h5py.HardLink)
            )
