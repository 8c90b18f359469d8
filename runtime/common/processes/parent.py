"""What a process owes the one that started it: to end when that says so, or with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.util import Finalize
from types import FrameType

LAST = -1000
"""Behind all that others do as a process ends."""


def obey_the_parent() -> None:
    """Let the parent alone end this process, or end with it."""
    _leave_terminating_to_the_parent()
    end_with_parent()


def _leave_terminating_to_the_parent() -> None:
    """SIGTERM too may be meant for all processes; those that this one forks obey it."""
    if not hasattr(signal, "pthread_sigmask"):
        return
    process = os.getpid()

    def answer(number: int, frame: FrameType | None) -> None:
        if os.getpid() != process:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, answer)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def end_with_parent() -> None:
    """Let this process not outlive its parent, which may be killed at any time.

    Nor its own work: threads that the user's code has left behind don't keep it.
    """
    Finalize(None, _leave, exitpriority=LAST)
    parent = multiprocessing.parent_process()
    if parent is not None:
        watched = (parent.sentinel,)
        threading.Thread(target=_end_with, args=watched, daemon=True).start()


def _leave() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(0)


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
