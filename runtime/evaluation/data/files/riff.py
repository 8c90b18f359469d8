"""Whether the sound of a WAV file is all there: SciPy takes what is left of one.

Chunks of a name, a size in 4 bytes and that many bytes, padded to an even number
(Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0");
files of over 4 GB, RF64, have the size in a chunk ds64 (EBU Tech 3306).
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

from ....common.errors import DataError

UNKNOWN = 0xFFFFFFFF
"""The size where the data was streamed, or stands in ds64."""

WHOLE = "It must be a whole WAV file."


def check_whole(path: Path) -> None:
    """Refuse a file whose sound is shorter than its header says.

    A streamed file does not say how long its sound is, so that nobody knows whether it
    is whole: it is refused too.

    Raises:
        OSError: It can't be opened.
        DataError: It is cut off, or streamed.
    """
    with path.open("rb") as file:
        declared, start = _data(file)
        held = os.fstat(file.fileno()).st_size - start
    if declared == UNKNOWN:
        raise DataError(
            f"{path.name} was streamed: its header does not say how long it is",
            f"{WHOLE} Convert it to a file again, not through a pipe.",
        )
    if declared > held:
        raise DataError(
            f"{path.name} is cut off: it says {declared} bytes of sound and holds "
            f"{held}",
            WHOLE,
        )


def _data(file: BinaryIO) -> tuple[int, int]:
    """Bytes of the sound as declared, and where it starts; 0, 0 where there is none."""
    form = file.read(12)[:4]
    order = ">" if form == b"RIFX" else "<"
    large = UNKNOWN
    while len(header := file.read(8)) == 8:
        name, size = header[:4], struct.unpack(f"{order}I", header[4:])[0]
        if name == b"data":
            return (large if size == UNKNOWN else size), file.tell()
        body = file.tell()
        if form == b"RF64" and name == b"ds64":
            sizes = file.read(16)
            large = int.from_bytes(sizes[8:], "little") if sizes[15:] else UNKNOWN
        file.seek(body + size + size % 2)
    return 0, 0  # SciPy says what is wrong
