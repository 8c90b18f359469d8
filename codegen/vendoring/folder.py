"""What is in the folder of a copy, and whether it is narrowcast's."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from ..writing.output import OutputError
from .contents import beginning

CACHED = re.compile(r".+\.pyc(\.\d+)?")
"""What Python writes into `__pycache__`, first with a number."""


def files(folder: Path) -> dict[str, Path]:
    """Path in the folder → file, without what Python caches there.

    Raises:
        OutputError: It is there and can't be read.
    """
    found: dict[str, Path] = {}
    if not os.path.lexists(folder):
        return found
    try:
        for place, folders, names in os.walk(folder, onerror=_raised):
            links = [name for name in folders if Path(place, name).is_symlink()]
            for path in (Path(place, name) for name in (*links, *names)):
                if not _is_cached(path):
                    found[path.relative_to(folder).as_posix()] = path
    except OSError as error:
        raise OutputError(f"can't read {error.filename}: {error.strerror}") from error
    return found


def foreign(there: Mapping[str, Path], is_partial: bool = False) -> Path | None:
    """The first file that does not begin as narrowcast's do.

    Args:
        there: Path in the copy → file.
        is_partial: Who wrote them may have been killed within a file.

    Raises:
        OutputError: One can't be read.
    """
    for name, path in there.items():
        said = beginning(name)
        if not begins(path, said) and not (is_partial and _is_part(path, said)):
            return path
    return None


def begins(path: Path, text: str) -> bool:
    """Whether it is a file, and begins with this.

    Raises:
        OutputError: It can't be read.
    """
    return _start(path, len(text.encode())) == text.encode()


def _is_part(path: Path, text: str) -> bool:
    start = _start(path, len(text.encode()))
    return start is not None and text.encode().startswith(start)


def _start(path: Path, count: int) -> bytes | None:
    """The first bytes, None of what is no file."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        with path.open("rb") as file:
            return file.read(count)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OutputError(f"can't read {path}: {error.strerror}") from error


def _is_cached(path: Path) -> bool:
    if path.parent.name != "__pycache__" or not CACHED.fullmatch(path.name):
        return False
    return path.is_file() and not path.is_symlink()


def _raised(error: OSError) -> None:
    raise error
