"""Telling the user what is going on, on standard error."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Protocol, TextIO


class Progress(Protocol):
    """Where steps are announced: a live line while one runs, a line when it is done."""

    def live(self, label: str, text: str) -> None: ...

    def line(self, label: str, text: str) -> None: ...


@dataclass
class Silent:
    """Says nothing (`--json`, tests)."""

    def live(self, label: str, text: str) -> None: ...

    def line(self, label: str, text: str) -> None: ...


@dataclass
class Terminal:
    """One line per step; on a terminal the last line moves while the step runs."""

    stream: TextIO

    def live(self, label: str, text: str) -> None:
        if self.stream.isatty():
            width = shutil.get_terminal_size().columns - 1
            line = f"  {label:<10} {text} …"[:width]
            self.stream.write(f"\r\x1b[2K{line}")
            self.stream.flush()

    def line(self, label: str, text: str) -> None:
        clear = "\r\x1b[2K" if self.stream.isatty() else ""
        self.stream.write(f"{clear}  {label:<10} {text}\n")
        self.stream.flush()
