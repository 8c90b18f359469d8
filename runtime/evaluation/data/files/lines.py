"""Files of lines, by number: their places are known, the text stays on disk."""

from __future__ import annotations

from array import array
from codecs import BOM_UTF8
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError

COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
"""How files of gzip, bzip2, xz and Zstandard begin."""


@dataclass(frozen=True)
class Lines:
    """The lines of a text file, of which only the places are in memory.

    Attributes:
        path: The file, of which what is read is UTF-8.
        places: (lines, 3): where each begins and ends, in bytes, and its number in the
            file, from 1.
    """

    path: Path
    places: npt.NDArray[np.int64] = field(repr=False)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> str:
        """One line, without what ends it.

        Raises:
            DataError: It is not UTF-8.
        """
        start, stop, _number = self.places[index]
        with self.path.open("rb") as file:
            file.seek(int(start))
            line = file.read(int(stop - start))
        try:
            return line.decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{self.where(index)} is not UTF-8: {error.reason}",
                "Write the file in UTF-8.",
            ) from error

    def where(self, index: int) -> str:
        """The line's place, for messages."""
        return f"{self.path.name}, line {self.places[index][2]}"


def indexed(
    path: Path,
    option: str,
    *,
    skip: int = 0,
    keep: Callable[[bytes], object] = bytes.strip,
) -> Lines:
    """The lines of a file, found in one pass.

    Args:
        option: What names the file in a spec, for messages.
        skip: Lines at the beginning that are none of the data's.
        keep: Whether a line counts; those that hold nothing do not.

    Raises:
        DataError: The file is missing, compressed or holds no such line.
    """
    places = array("q")
    start = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if number == 1 and line.startswith(COMPRESSED):
                    raise DataError(
                        f"{path.name} is compressed, where a sample can't be read alone",
                        "Unpack it.",
                    )
                mark = len(BOM_UTF8) if number == 1 and line.startswith(BOM_UTF8) else 0
                if number > skip and keep(line):
                    places.extend((start + mark, start + len(line), number))
                start += len(line)
    except OSError as error:
        raise missing(path, option, error) from error
    if not places:
        raise DataError(f"{path.name} holds no sample")
    return Lines(path, np.frombuffer(places, np.int64).reshape(-1, 3))


def missing(path: Path, option: str, error: OSError, origin: str = "") -> DataError:
    """What is said of a file that can't be opened.

    Args:
        option: What names it in a spec.
        origin: Where such files come from, a sentence.
    """
    if isinstance(error, FileNotFoundError):
        return DataError(f"{path} does not exist", f"{origin} Check {option}.".strip())
    return DataError(
        f"{path} can't be read: {error.strerror or error}", f"Check {option}."
    )
