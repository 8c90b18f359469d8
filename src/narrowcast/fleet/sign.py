"""The sign of a fleet: a file that says whether the command which sent it out lives.

It is on the file system that all machines share, so a worker that can't read it can't
read the specs either. No engine of its own tells a running task that nobody waits for it.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

PREFIX = ".narrowcast-fleet-"
STAGED = ".new"
PATIENCE = 60.0
"""Seconds after which a command whose sign does not change is taken for dead."""


class Word(Enum):
    """What a sign says."""

    GO_ON = "go on"
    END = "end"
    GONE = "gone"


@dataclass
class Sign:
    """The sign, in the hands of the command: nobody else writes it.

    Attributes:
        path: Its file.
    """

    path: Path
    beats: int = 0
    word: Word = Word.GO_ON

    def beat(self) -> None:
        """Show that the command lives. A file system that fails for once is let be."""
        self.beats += 1
        staged = self.path.with_suffix(STAGED)  # who reads it sees it whole
        with suppress(OSError):
            staged.write_text(f"{self.word.value}\n{self.beats}\n", "utf-8")
            staged.replace(self.path)

    def end(self) -> None:
        """Ask those who run to end in their own time; who hasn't begun does not."""
        self.word = Word.END
        self.beat()

    def remove(self) -> None:
        """Nobody waits any longer: what still runs is killed."""
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(STAGED).unlink(missing_ok=True)


@contextmanager
def raised(folder: Path) -> Iterator[Sign]:
    """A sign while this lasts.

    Raises:
        OSError: Nothing can be written in the folder.
    """
    handle, name = tempfile.mkstemp(prefix=PREFIX, dir=folder)
    os.close(handle)
    path = Path(name)
    sign = Sign(path)
    sign.beat()
    try:
        yield sign
    finally:
        sign.remove()


@dataclass
class Watched:
    """The sign as a worker sees it.

    Attributes:
        clock: Seconds; of this machine alone, whatever others' clocks say.
    """

    path: Path
    clock: Callable[[], float] = time.monotonic
    _seen: str = field(default="", repr=False)
    _since: float | None = field(default=None, repr=False)

    def word(self) -> Word:
        """What it says now."""
        try:
            text = self.path.read_text("utf-8")
        except FileNotFoundError:
            return Word.GONE
        except OSError:  # once; if it lasts, the sign does not change
            text = self._seen
        now = self.clock()
        if text != self._seen or self._since is None:
            self._seen, self._since = text, now
        if now - self._since > PATIENCE:
            return Word.END
        return Word.END if text.startswith(Word.END.value) else Word.GO_ON
