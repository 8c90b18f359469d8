"""TFRecord files, read without TensorFlow.

A record is its length (8 bytes, little-endian), a masked CRC-32C of these 8 bytes, the
bytes themselves, and a masked CRC-32C of them (TensorFlow, `core/lib/io/record_writer`).
"""

from __future__ import annotations

import os
import struct
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ....common.files import matching
from .crc32c import masked_crc32c

HEADER = struct.Struct("<QI")
FOOTER = struct.Struct("<I")
GZIP = b"\x1f\x8b"
REMEDY = "Write the file anew: what was read of it can't be trusted."


class Records:
    """The records of TFRecord files, in the order of the files and within them.

    Where each begins is found once; the bytes are read when they are asked for.

    Args:
        files: The files, in this order.

    Raises:
        DataError: A file is missing or damaged, or there is no record.
    """

    def __init__(self, files: tuple[Path, ...]) -> None:
        self.files = files
        spans = [_spans(path) for path in files]
        ends = np.cumsum([len(each) for each in spans])
        self._ends: npt.NDArray[np.int64] = ends
        self._spans: npt.NDArray[np.int64] = np.concatenate(spans)
        if not len(self):
            raise DataError(f"{_named(files)} holds no record", "Check dataset.root.")

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, index: int) -> bytes:
        """The bytes of one record.

        Raises:
            DataError: They are not what was written.
            IndexError: There is none of that number.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        start, size = map(int, self._spans[index])
        path = self.file_of(index)
        with path.open("rb") as file:
            file.seek(start)
            found = file.read(size + FOOTER.size)
        data = found[:size]
        if len(found) < size + FOOTER.size or FOOTER.unpack(found[size:]) != (
            masked_crc32c(data),
        ):
            raise DataError(f"{self.where(index)} is damaged: its CRC differs", REMEDY)
        return data

    def file_of(self, index: int) -> Path:
        """The file that a record is in."""
        return self.files[int(np.searchsorted(self._ends, index, side="right"))]

    def where(self, index: int) -> str:
        """A record's name, for messages: its number within its file."""
        earlier = self._ends[self._ends <= index]
        number = index - int(earlier[-1] if len(earlier) else 0)
        return f"{self.file_of(index).name}: record {number}"


def record_files(root: Path, pattern: str) -> tuple[Path, ...]:
    """The files that `root` names, in order of their paths.

    Args:
        root: A file, a pattern of files' names (`*`, `?`, `[…]`), or a folder.
        pattern: What the files of a folder are called.

    Raises:
        DataError: There is none.
    """
    if root.is_file():
        return (root,)
    within = root.is_dir()
    found = matching(root / pattern) if within else matching(root)
    if not found:
        raise DataError(
            f"no file matches {root / pattern if within else root}",
            "dataset.root is a TFRecord file, a pattern of several, or a folder of "
            f"files called {pattern}.",
        )
    return found


def _spans(path: Path) -> npt.NDArray[np.int64]:
    """(records, 2): where the bytes of each record begin, and how many they are."""
    spans = array("q")  # of a million records: no object for each
    try:
        with path.open("rb") as file:
            for span in _read_spans(file, path):
                spans.extend(span)
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist", "Check dataset.root.") from error
    except OSError as error:
        raise DataError(f"{path.name} can't be read: {error}") from error
    return np.array(spans, np.int64).reshape(-1, 2)


def _read_spans(file: BinaryIO, path: Path) -> Iterator[tuple[int, int]]:
    total = os.fstat(file.fileno()).st_size
    at = number = 0
    while at < total:
        file.seek(at)
        header = file.read(HEADER.size)
        where = f"{path.name}: record {number}"
        if len(header) < HEADER.size:
            raise DataError(f"{where} is cut off", REMEDY)
        size, crc = HEADER.unpack(header)
        if crc != masked_crc32c(header[:8]):
            raise _no_record(where, header, number)
        start = at + HEADER.size
        at = start + size + FOOTER.size
        if at > total:
            raise DataError(f"{where} is cut off: it has {size} bytes", REMEDY)
        yield start, size
        number += 1


def _no_record(where: str, header: bytes, number: int) -> DataError:
    if not number and header.startswith(GZIP):
        return DataError(f"{where} is compressed", "Unpack the file with gunzip.")
    if not number:
        return DataError(f"{where} is none: this is no TFRecord file", REMEDY)
    return DataError(f"{where} is damaged: the CRC of its length differs", REMEDY)


def _named(files: tuple[Path, ...]) -> str:
    return f"{files[0].name} and {len(files) - 1} more" if files[1:] else files[0].name
