"""JSON lines that outlive the process: a line is on the disk before anything goes on.

Numbers come back as they were: floats to the last bit, and infinities and NaN, which
JSON lacks, as {"float": "inf"}.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .errors import HistoryError, WriteError
from .files import write_bytes


def encoded(value: Any) -> bytes:
    """One line, without its end."""
    text = json.dumps(_finite(value), allow_nan=False, separators=(",", ":"))
    return text.encode()


def decoded(line: bytes) -> Any:
    """What `encoded` was given, with lists for tuples.

    Raises:
        ValueError: It is no JSON of ours.
    """
    return json.loads(line, object_hook=_number, parse_constant=_refused)


def read(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The lines, and how many bytes they take.

    A last line that is not whole is what a process was writing when it was killed: it
    is left out.

    Raises:
        UsageError: The file can't be read, or a line before the last is damaged.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise HistoryError(
            f"{path.name} can't be read: {error.strerror or error}"
        ) from error
    lines = data.split(b"\n")[:-1]
    found, size = [], 0
    for number, line in enumerate(lines, start=1):
        try:
            value = decoded(line)
            if not isinstance(value, dict):
                raise ValueError("no object")
        except (ValueError, RecursionError) as error:
            if number == len(lines):
                break
            raise HistoryError(
                f"{path.name} is damaged in line {number}: {error}",
                "Search anew, without --resume.",
            ) from error
        found.append(value)
        size += len(line) + 1
    return found, size


def start(path: Path, value: Mapping[str, Any]) -> None:
    """A file with this one line, in place of what is there.

    Raises:
        UsageError: It can't be written.
    """
    write_bytes(path, encoded(value) + b"\n")
    _sync_folder(path.parent)


def append(path: Path, value: Mapping[str, Any], size: int) -> int:
    """Write a line after the first `size` bytes, and see it to the disk.

    Returns:
        The size with it.

    Raises:
        UsageError: It can't be written.
    """
    line = encoded(value) + b"\n"
    try:
        with path.open("r+b") as file:
            file.truncate(size)
            file.seek(size)
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise WriteError(
            f"can't write {path}: {error.strerror or error}",
            "Make room, or choose another place with --plan.",
        ) from error
    return size + len(line)


def _sync_folder(folder: Path) -> None:
    """See a rename to the disk, where folders can be opened for that."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _finite(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, Mapping):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value


def _number(value: dict[str, Any]) -> Any:
    if value.keys() == {"float"} and isinstance(value["float"], str):
        return float(value["float"])
    return value


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
