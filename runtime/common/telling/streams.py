"""Standard output and standard error, which may be closed, full, or not read any more."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from ..errors import NarrowcastError, StreamError, UsageError

STDOUT, STDERR = 1, 2

REMEDY = "Send it to a file with room, to a terminal or to a pipe that is read."


def check_streams() -> None:
    """See that there is a standard output; what has no standard error gets one.

    Raises:
        UsageError: It is closed: what is opened next would be taken for it.
    """
    if sys.stderr is None:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, STDERR)
        if null != STDERR:
            os.close(null)
        sys.stderr = _opened(STDERR)
    if sys.stdout is None:
        raise StreamError("standard output is closed", REMEDY)


@contextmanager
def output_needed() -> Iterator[None]:
    """End the process where its standard output is closed, full or not read any more."""
    try:
        check_streams()
        yield
    except UsageError as error:
        print(error.told(), file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.filename is not None:  # of a file, and nobody's expectation
            raise
        sys.exit(unwritten(error))


def flushed(stream: TextIO) -> None:
    """Let out what was printed; nothing of a stream that somebody's code closed."""
    with suppress(AttributeError, ValueError):
        stream.flush()


def printed(text: str, code: int) -> int:
    """Print on standard output; the exit code, or another if that fails.

    Args:
        text: Nothing if it is "": then only what was printed before is let out.
        code: The exit code.
    """
    try:
        if text and getattr(sys.stdout, "closed", True):  # by the user's code
            sys.stdout = _opened(STDOUT)
        if text:
            print(text)
        flushed(sys.stdout)
    except OSError as error:
        return unwritten(error)
    return code


def unwritten(error: OSError) -> int:
    """Say that standard output takes nothing, and leave it; the exit code."""
    with suppress(OSError, ValueError):
        # What waits in the stream would fail again where the process ends.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, STDOUT)
        os.close(null)
    with suppress(OSError, ValueError, AttributeError):
        said = f"can't write to standard output: {error.strerror or error}"
        print(StreamError(said, REMEDY).told(), file=sys.stderr, flush=True)
    return NarrowcastError.exit_code


def _opened(descriptor: int) -> TextIO:
    return open(descriptor, "w", errors="backslashreplace", closefd=False)
