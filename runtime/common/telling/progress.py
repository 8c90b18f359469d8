"""Telling the user what is going on, on standard error."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from ..timing import Clock  # NumPy comes with it, and commands start without

FIRST = 30.0
"""Seconds after which a step that nobody sees says that it goes on; then twice that."""


def printable(text: str) -> str:
    """Text without control characters: a plan's words may be a stranger's."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def duration(seconds: float) -> str:
    """Seconds for people: "40 s", "12 min", "3.5 h"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


@dataclass
class Account:
    """What each step of a run took; a step inside another counts for itself alone.

    Attributes:
        seconds: Step → seconds, in the order in which they first ended.
    """

    clock: Clock
    seconds: dict[str, float] = field(default_factory=dict)
    _inside: list[float] = field(default_factory=list, repr=False)

    @contextmanager
    def of(self, step: str) -> Iterator[None]:
        """Count what runs meanwhile as this step."""
        began = self.clock()
        self._inside.append(0.0)
        try:
            yield
        finally:
            whole = self.clock() - began
            own = whole - self._inside.pop()
            self.seconds[step] = self.seconds.get(step, 0.0) + own
            if self._inside:
                self._inside[-1] += whole

    @property
    def told(self) -> str:
        """Steps and seconds, what took longest first; what took no time is left out."""
        ordered = sorted(self.seconds.items(), key=lambda item: -item[1])
        return ", ".join(
            f"{step} {took:.1f} s" for step, took in ordered if took > 0.05
        )


_account: ContextVar[Account | None] = ContextVar("account", default=None)


@contextmanager
def accounting(account: Account) -> Iterator[None]:
    """Keep account of the steps that are taken meanwhile."""
    before = _account.set(account)
    try:
        yield
    finally:
        _account.reset(before)


@contextmanager
def step(name: str) -> Iterator[None]:
    """A step of a run, as users call it: where account is kept, its seconds count."""
    account = _account.get()
    if account is None:
        yield
        return
    with account.of(name):
        yield


class Progress(Protocol):
    """Where steps are announced: a live line while one runs, a line when it is done."""

    def live(self, label: str, text: str) -> None: ...

    def batch(self, number: int) -> None: ...

    def goes_on(self, what: str, seconds: float) -> None: ...

    def line(self, label: str, text: str) -> None: ...


@dataclass
class Terminal:
    """One line per step; on a terminal the last line moves while the step runs.

    Elsewhere a step that takes long says so in lines of its own: after FIRST seconds,
    and whenever it has lasted twice as long.

    Attributes:
        step: What runs now.
        number: Batches that it is done with.
        whole: Batches of the longest step so far: what a pass over the data has.
        waits: What it waits for, in words.
    """

    stream: TextIO
    clock: Clock = time.monotonic
    step: str = ""
    number: int = 0
    whole: int = 0
    waits: str = ""
    _since: float = 0.0
    _due: float = FIRST
    _due_wait: float = 0.0
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def live(self, label: str, text: str) -> None:
        """Show the step that now runs."""
        with self._lock:
            self.step, self.number = f"  {label:<10} {text}", 0
            self._since, self._due = self.clock(), FIRST
            self._show()

    def batch(self, number: int) -> None:
        """Show how far the step is."""
        with self._lock:
            self.number = number
            self._show()

    def goes_on(self, what: str, seconds: float) -> None:
        """Show that the step still runs: a `heartbeat.Told`.

        Args:
            what: It waits for, "" for nothing that would be worth a word.
        """
        with self._lock:
            self.waits = f"{what}, {duration(seconds)}" if what else ""
            if not what:
                self._due_wait = 0.0
            if self.stream.isatty():
                self._show()
            elif what and seconds >= self._due_wait:
                self._due_wait = 2 * seconds
                self._write(f"{printable(self._text())}\n")
            elif self.step and not what and self._lasted() >= self._due:
                self._due = 2 * self._lasted()
                said = f"{self._text()}, {duration(self._lasted())}"
                self._write(f"{printable(said)}\n")

    def _lasted(self) -> float:
        return self.clock() - self._since

    def _text(self) -> str:
        """The step, and how far it is."""
        text = self.step or f"  {'data':<10}"
        if self.number and self.number <= self.whole:
            text += f", batch {self.number} of {self.whole}{self._left()}"
        elif self.number:
            text += f", batch {self.number}"
        if not self.waits:
            return text
        return f"{text}; {self.waits}" if self.step else f"{text} {self.waits}"

    def _left(self) -> str:
        """What the rest of a pass takes, at the pace of its beginning."""
        lasted = self._lasted()
        left = lasted / self.number * (self.whole - self.number)
        return f", {duration(left)} left" if lasted >= 1 and left >= 1 else ""

    def _show(self) -> None:
        if self.stream.isatty():
            width = shutil.get_terminal_size().columns - 1
            self._write(f"\r\x1b[2K{printable(self._text())[:width]}")

    def line(self, label: str, text: str) -> None:
        """Say what is done."""
        label, text = printable(label), printable(text)
        clear = "\r\x1b[2K" if self.stream.isatty() else ""
        with self._lock:
            self.whole = max(self.whole, self.number)
            self.step, self.number, self.waits = "", 0, ""
            self._write(f"{clear}  {label:<10} {text}\n")

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()


@dataclass
class Quiet(Terminal):
    """Says only what is warned of."""

    def goes_on(self, what: str, seconds: float) -> None: ...

    def line(self, label: str, text: str) -> None:
        if label == "warning":
            super().line(label, text)

    def _show(self) -> None: ...


@dataclass
class Verbose(Terminal):
    """Says each step when it begins, too."""

    def live(self, label: str, text: str) -> None:
        super().live(label, text)
        if not self.stream.isatty():
            self._write(f"{printable(self.step)} ...\n")
