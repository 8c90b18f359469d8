"""Standard error for this program's own words: what frameworks write there is kept.

File descriptors, so that what C++ logs and what child processes write is caught too.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO, TextIO

from .streams import STDERR, flushed

LINES = 40
"""The most of what was kept that is shown where a run fails."""


@dataclass(frozen=True)
class Aside:
    """Where a run says what it has to say.

    Attributes:
        stream: Standard error as it was.
        kept: What went to standard error since; None where nothing is kept.
    """

    stream: TextIO
    kept: BinaryIO | None = None

    @property
    def descriptor(self) -> int:
        """The stream's."""
        return _descriptor(self.stream)

    def last(self) -> str:
        """The end of what was kept, "" where nothing was."""
        if self.kept is None:
            return ""
        flushed(sys.stderr)
        self.kept.seek(0)
        lines = self.kept.read().decode(errors="replace").strip("\n").splitlines()
        left = len(lines) - LINES
        first = [f"... {left} lines before it"] if left > 0 else []
        return "\n".join([*first, *lines[-LINES:]])


@contextmanager
def aside(shown: bool) -> Iterator[Aside]:
    """Keep what others write to standard error from it, while this lasts.

    Where the process crashes in native code, that is said on it all the same.

    Args:
        shown: Let it through instead, as where standard error is somebody's object.
    """
    replaced = sys.stderr is not sys.__stderr__
    if shown or replaced:
        yield Aside(sys.stderr)
        return
    sys.stderr.flush()
    before = os.dup(STDERR)
    crashes = faulthandler.is_enabled()
    with (
        tempfile.TemporaryFile() as kept,
        os.fdopen(os.dup(before), "w", errors="backslashreplace") as stream,
    ):
        os.dup2(kept.fileno(), STDERR)
        faulthandler.enable(stream)
        try:
            yield Aside(stream, kept)
        finally:
            with suppress(OSError):
                flushed(sys.stderr)
            if not crashes:
                faulthandler.disable()
            os.dup2(before, STDERR)
            os.close(before)


def _descriptor(stream: TextIO) -> int:
    try:
        return stream.fileno()
    except (OSError, ValueError):  # a stream in memory
        return STDERR
