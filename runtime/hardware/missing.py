"""What is missing here, and what must be installed beside the framework."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from .versions import release, required


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that the framework or the machine lacks.

    Attributes:
        text: What, as a sentence.
        remedy: What the user can do about it.
        forcible: Whether FORCE_* turns it into a warning: slow arithmetic, an old or a
            too new framework, yes; an absent framework or CUDA device, no.
    """

    text: str
    remedy: str
    forcible: bool = False


def missing_beside(
    distributions: Iterable[str], installed: Callable[[str], str | None]
) -> tuple[Missing, ...]:
    """Of the distributions beside the framework's those that are not installed, or not as wanted."""
    found = []
    for each in distributions:
        name, lowest, below = required(each)
        version = installed(name)
        have = release(version) if version else None
        if have is None:
            text = f"{name} is not installed."
        elif have < (release(lowest) or ()):
            text = f"{name} {lowest} or later is needed; {version} is installed."
        elif below and have >= (release(below) or ()):
            text = f"{name} before {below} is needed; {version} is installed."
        else:
            continue
        found.append(Missing(text, f"Install it: pip install '{each}'"))
    return tuple(found)


def missing_compiler(environ: Mapping[str, str]) -> tuple[Missing, ...]:
    """Whether the C++ compiler is there that torch's inductor will call.

    Args:
        environ: CXX names it; the platform's own where it does not.
    """
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    compiler = environ.get("CXX") or usual
    if shutil.which(compiler, path=environ.get("PATH")):
        return ()
    text = f"execution: compile takes a C++ compiler; {compiler} is not found."
    remedy = (
        "Install one (g++ on Linux, Xcode's on macOS, MSVC on Windows), name it in CXX, "
        "or write tuning.execution: eager."
    )
    return (Missing(text, remedy),)
