"""Where external data lies, checked before it is opened."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath, PureWindowsPath

import onnx

from ....refusals import Damaged, Unsafe, shown
from ...ir.weights import Span
from .sizes import nbytes


def span(tensor: onnx.TensorProto, place: str, folder: Path, trust: bool) -> Span:
    """Where an external tensor's values are: within the folder, unless trusted.

    Nothing is opened: sizes come from the folder's entries.

    Raises:
        Unsafe: They are elsewhere, or not in a regular file.
        Damaged: The file is missing or too short, or the numbers don't fit the shape.
    """
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    if not trust:
        _check_location(location, place)
    path = folder / location
    size = _size_of(path, location, place, folder, trust)
    wanted = nbytes(tensor, place)
    offset = _number(entries.get("offset", "0"), "offset", place)
    length = _number(entries.get("length", str(wanted)), "length", place)
    if length != wanted:
        raise Damaged(
            f"{shown(place)} has {length} bytes of external data, its shape takes "
            f"{wanted}"
        )
    if offset + length > size:
        raise Damaged(
            f"{shown(place)} lies in `{shown(location)}` up to byte "
            f"{offset + length}, which has {size}"
        )
    return Span(path, offset, length)


def _check_location(location: str, place: str) -> None:
    """Refuse a path that could lead out of the folder, on any system."""
    windows, posix = PureWindowsPath(location), PurePosixPath(location)
    outside = (
        not location
        or posix.is_absolute()
        or bool(windows.drive or windows.root)
        or ".." in windows.parts
        or not location.isprintable()
    )
    if outside:
        raise Unsafe(
            f"{shown(place)} takes its data from `{shown(location)}`, which is not "
            "within the model's folder"
        )


def _size_of(path: Path, location: str, place: str, folder: Path, trust: bool) -> int:
    """Bytes of a data file that may be opened."""
    root = os.path.realpath(folder)
    real = os.path.realpath(path)
    if not trust and os.path.commonpath([root, real]) != root:
        raise Unsafe(
            f"{shown(place)} takes its data from `{shown(location)}`, a link out of "
            "the model's folder"
        )
    try:
        found = Path(real).stat()
    except OSError as error:
        raise Damaged(
            f"{shown(place)} takes its data from `{shown(location)}`, which is not in "
            f"{folder} ({error.strerror})"
        ) from error
    if not stat.S_ISREG(found.st_mode):
        raise Unsafe(
            f"{shown(place)} takes its data from `{shown(location)}`, which is no "
            "regular file"
        )
    return found.st_size


def _number(text: str, what: str, place: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise Damaged(f"{shown(place)} has the {what} `{shown(text)}`")
    return int(text)
