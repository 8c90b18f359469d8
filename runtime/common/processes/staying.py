"""Forked processes that come back from the user's code end there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

CAME_BACK = 70
"""Exit code of a forked process that would go on in our code."""


@contextmanager
def one_process() -> Iterator[None]:
    """Stay in this process.

    One that was forked meanwhile ends here, whether it returns or raises: what follows
    is done by its parent, and by no other.
    """
    process = os.getpid()
    try:
        yield
    except GeneratorExit:  # a child collects what it inherited, and goes on elsewhere
        raise
    except BaseException:
        _end_unless(process)
        raise
    _end_unless(process)


def _end_unless(process: int) -> None:
    if os.getpid() != process:
        os._exit(CAME_BACK)
