"""Where in the user's own code an error arose."""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path

INSTALLED = tuple(
    Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")
)
OURS = Path(__file__).parents[1]


def users_frame(error: BaseException) -> traceback.FrameSummary | None:
    """The innermost call in code that is neither installed nor ours."""
    frames = traceback.extract_tb(error.__traceback__)
    users = [frame for frame in frames if _is_users(frame.filename)]
    return users[-1] if users else None


def place_of(error: BaseException) -> str:
    """` at net.py:31`, "" if no code of the user's was running."""
    frame = users_frame(error)
    return f" at {Path(frame.filename).name}:{frame.lineno}" if frame else ""


def described(error: BaseException) -> str:
    """The error's type and its first two lines."""
    said = " ".join(str(error).split("\n")[:2]).strip() or "(it says no more)"
    return f"{type(error).__name__}: {said}"


def _is_users(name: str) -> bool:
    file = Path(name)
    return file.is_absolute() and not any(
        file.is_relative_to(path) for path in (*INSTALLED, OURS)
    )
