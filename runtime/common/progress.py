"""Telling the user what is going on, on standard error."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Protocol, TextIO


def printable(text: str) -> str:
    """Text without control characters: a plan's words may be a stranger's."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


class Progress(Protocol):
    """Where steps are announced: a live line while one runs, a line when it is done."""

    def live(self, label: str, text: str) -> None: ...

    def batch(self, number: int) -> None: ...

    def line(self, label: str, text: str) -> None: ...


@dataclass
class Terminal:
    """One line per step; on a terminal the last line moves while the step runs."""

    stream: TextIO
    step: str = ""

    def live(self, label: str, text: str) -> None:
        """Show the step that now runs."""
        self.step = f"  {label:<10} {text}"
        self._show(self.step)

    def batch(self, number: int) -> None:
        """Show how far the step is."""
        self._show(f"{self.step}, batch {number}")

    def _show(self, line: str) -> None:
        if self.stream.isatty():
            width = shutil.get_terminal_size().columns - 1
            self.stream.write(f"\r\x1b[2K{line[:width]}")
            self.stream.flush()

    def line(self, label: str, text: str) -> None:
        """Say what is done."""
        label, text = printable(label), printable(text)
        clear = "\r\x1b[2K" if self.stream.isatty() else ""
        self.stream.write(f"{clear}  {label:<10} {text}\n")
        self.stream.flush()
