"""Where in the user's own code an error arose, and whose error it is."""

from __future__ import annotations

import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .errors import NarrowcastError, words
from .processes.staying import one_process

INSTALLED = tuple(
    Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")
)
OURS = Path(__file__).parents[1]


@contextmanager
def users_code(told: Callable[[BaseException], NarrowcastError]) -> Iterator[None]:
    """Whatever the user's code raises, as an error of ours.

    That is more than Exceptions: sys.exit, and what asyncio and test runners cancel
    with. Interrupts and the end of a generator are not the code's own. A process that
    the code forks and that comes back from it ends here.

    Args:
        told: Makes the error of what was raised.
    """
    try:
        with one_process():
            yield
    except (NarrowcastError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        raise told(error) from error


def users_frame(error: BaseException) -> traceback.FrameSummary | None:
    """The innermost call in code that is neither installed nor ours."""
    return _innermost(traceback.extract_tb(error.__traceback__))


def place_of(error: BaseException) -> str:
    """` at net.py:31`, "" if no code of the user's was running."""
    return _place(users_frame(error))


def place_here() -> str:
    """The same of what is running now."""
    return _place(_innermost(traceback.extract_stack()))


def place_in_main() -> str:
    """The same of what the main thread runs now, whatever thread asks."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    return _place(_innermost(traceback.extract_stack(frame))) if frame else ""


def described(error: BaseException) -> str:
    """The error's type and its first two lines."""
    if isinstance(error, SystemExit):
        return f"it called sys.exit({error.code!r})"
    said = " ".join(words(error).split("\n")[:2]).strip() or "(it says no more)"
    return f"{type(error).__name__}: {said}"


def _innermost(
    frames: Sequence[traceback.FrameSummary],
) -> traceback.FrameSummary | None:
    users = [frame for frame in frames if _is_users(frame.filename)]
    return users[-1] if users else None


def _place(frame: traceback.FrameSummary | None) -> str:
    return f" at {Path(frame.filename).name}:{frame.lineno}" if frame else ""


def _is_users(name: str) -> bool:
    file = Path(name)
    return file.is_absolute() and not any(
        file.is_relative_to(path) for path in (*INSTALLED, OURS)
    )
