"""The end of a process that code holds which lets no other Python run.

Native code may keep Python's lock and not come back; then no thread of ours and no
answer to a signal runs. Timers of the C library do: each calls a C function in a thread
that Python knows nothing of. One tells, one ends the process.
"""

from __future__ import annotations

import ctypes
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from ..errors import TimeError
from .failures import Answer, Failure, failure_json

CODE = 2
"""Exit code of a run whose data, model or metric fails."""

TELLING = 1.0
"""Seconds from the message to the end."""

CLOCK_MONOTONIC = 1
SIGEV_THREAD = 2

WORDS = (
    "{what}: native code did not come back for {seconds:g} s and can't be "
    "interrupted; --timeout gives {most:g} s"
)
REMEDY = "Look what the data, the metric or eval_func calls, or give it more time."


class _Event(ctypes.Structure):
    """`struct sigevent` of Linux, 64 bytes."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("function", ctypes.c_void_p),
        ("attributes", ctypes.c_void_p),
        ("rest", ctypes.c_char * 32),
    )


class _Times(ctypes.Structure):
    """`struct itimerspec`: no interval, and when it is due."""

    _fields_ = (
        ("every", ctypes.c_long * 2),
        ("seconds", ctypes.c_long),
        ("nanoseconds", ctypes.c_long),
    )


class _Timers:
    """Both timers, for the process that made them."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._told: tuple[tuple[str, int], ...] = ()
        self._command = ctypes.create_string_buffer(4096)
        address = ctypes.addressof(self._command)
        self._made = tuple(
            self._timer(function, value)
            for function, value in ((library.system, address), (library._exit, CODE))
        )

    def _timer(self, function: Any, value: int) -> ctypes.c_void_p:
        called = ctypes.cast(function, ctypes.c_void_p)
        event = _Event(value=value, notify=SIGEV_THREAD, function=called.value)
        timer = ctypes.c_void_p()
        made = ctypes.byref(event), ctypes.byref(timer)
        if self._library.timer_create(CLOCK_MONOTONIC, *made):
            raise OSError("no timer")
        return timer

    def say(self, *texts: tuple[str, int]) -> None:
        """What is told, and on which descriptors."""
        if texts == self._told:
            return
        self._told = texts
        command = "; ".join(_printing(*each) for each in texts)
        self._command.value = command.encode(errors="replace")[:4095]

    def due(self, seconds: float | None) -> None:
        """Let it be so many seconds from now; None for never."""
        for timer, later in zip(self._made, (0.0, TELLING), strict=True):
            after = 0.0 if seconds is None else seconds + later
            times = _Times(seconds=int(after), nanoseconds=int(after % 1 * 1e9))
            self._library.timer_settime(timer, 0, ctypes.byref(times), None)


def _printing(text: str, descriptor: int) -> str:
    """The shell's command that appends the text to an open file of this process."""
    place = f"/proc/{os.getpid()}/fd/{descriptor}"
    return f"printf '%s\\n' {shlex.quote(text)} >> {place}"


@lru_cache(maxsize=1)
def _timers(process: int) -> _Timers | None:
    """None where the C library has none."""
    try:
        return _Timers(ctypes.CDLL(None))
    except (OSError, AttributeError, TypeError):
        return None


@contextmanager
def ended_after(
    seconds: float, most: float, what: str, descriptor: int, answer: Answer | None
) -> Iterator[None]:
    """End this process where the block takes so many seconds.

    Args:
        most: What --timeout gives.
        what: Is done meanwhile.
        descriptor: Where that is told.
        answer: Where it is told as JSON.
    """
    timers = _timers(os.getpid())
    if timers is None:
        yield
        return
    late = TimeError(WORDS.format(what=what, seconds=seconds, most=most), REMEDY)
    texts = [(late.told(), descriptor)]
    if answer is not None and answer.wanted:
        text = failure_json(CODE, [Failure.of(late)])
        texts.append((text, answer.descriptor))
    timers.say(*texts)
    timers.due(seconds)
    try:
        yield
    finally:
        timers.due(None)
