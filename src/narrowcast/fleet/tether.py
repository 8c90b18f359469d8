"""Run a program that ends with whoever started this: `python tether.py PROGRAM…`.

Of the standard library alone, and run as a file: it starts with each conversion. Its
standard input is the tether. `end` on it asks the program to end in its own time; where
it is cut, as by the death of the process that holds the other end, the program is
killed. None of its children outlives it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

END = b"end\n"
SET_PDEATHSIG = 1
"""An operation of Linux's `prctl`."""

SIGNALLED = 128
"""An exit code above this one is that of a program which a signal ended."""


def main(command: list[str]) -> int:
    """Run the program; its exit code."""
    tied = _dying_with(os.getpid()) if sys.platform == "linux" else None
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=tied
    )
    signal.signal(signal.SIGTERM, lambda number, frame: process.terminate())
    threading.Thread(target=_follow, args=(process,), daemon=True).start()
    if hasattr(os, "waitid"):
        # Not yet reaped: its number is still its group's and nobody else's.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        _kill(process)
    code = process.wait()
    return code if code >= 0 else SIGNALLED - code


def _dying_with(parent: int) -> Callable[[], None]:
    """What the program's process does first: it is killed when this one is.

    As Ray does with a worker's children, and not with theirs.
    """
    import ctypes

    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def tied() -> None:
        prctl(SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return tied


def _follow(process: subprocess.Popen[bytes]) -> None:
    with open(0, "rb", buffering=0, closefd=False) as tether:
        while word := tether.readline():
            if word == END:
                process.terminate()
    _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the program and its children, or what of them is left."""
    with suppress(OSError):  # nothing is
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
