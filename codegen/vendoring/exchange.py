"""One folder put in another's place, while what goes with it is written as well.

A folder can't take another's place at once. What a process that was killed between two
steps left is known by its name, by what is in it, and by the lock that nobody has on it.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..writing.output import OutputError
from .folder import files, foreign

try:
    import fcntl
except ImportError:  # no such locks on this system: what was left stays
    fcntl = None  # type: ignore[assignment]


@contextmanager
def staged(place: Path) -> Iterator[Path]:
    """A new folder beside a place, to be filled; it is gone at the end."""
    beside = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    beside.mkdir(parents=True)
    try:
        with _held(beside):
            yield beside
    finally:
        remove(beside)


@contextmanager
def exchanged(new: Path, place: Path) -> Iterator[None]:
    """A folder in the place of another, which comes back if what is done here fails."""
    old = new.with_name(f"{new.name}.old")
    if not place.exists():
        new.rename(place)
        try:
            yield
        except BaseException:
            place.rename(new)
            raise
        return
    with _held(place):
        place.rename(old)
        try:
            new.rename(place)
            yield
        except BaseException:
            if place.exists():
                place.rename(new)
            old.rename(place)
            raise
        remove(old)


def keep_modes(new: Path, place: Path) -> None:
    """Give a folder, and what is in it, the modes and groups of what it replaces.

    A folder in it that is new has those of the whole.
    """
    if not place.is_dir():
        return
    # From within: a folder that nobody may write to would take nothing any more.
    for path in (*sorted(new.rglob("*"), reverse=True), new):
        was = place / path.relative_to(new)
        if not was.exists() or was.is_dir() != path.is_dir():
            if not path.is_dir():
                continue
            was = place
        found = was.stat()
        if found.st_gid != path.stat().st_gid:
            with suppress(PermissionError):
                os.chown(path, -1, found.st_gid)
        path.chmod(stat.S_IMODE(found.st_mode))


def repair(place: Path) -> None:
    """Put back, or remove, what a process that was killed left beside a place."""
    for left in abandoned(place):
        if left.suffix == ".old" and not place.exists():
            left.rename(place)
        else:
            remove(left)


def abandoned(place: Path) -> list[Path]:
    """What processes that were killed left beside a place.

    Raises:
        OSError: The folder can't be read.
    """
    left = re.compile(re.escape(f".{place.name}.") + r"[0-9a-f]{8}(\.old)?")
    if not place.parent.is_dir():
        return []
    here = sorted(place.parent.iterdir())
    return [each for each in here if left.fullmatch(each.name) and _is_left(each)]


def remove(folder: Path) -> None:
    """Remove what can be removed, also from folders that nobody may write to."""
    for place, _, _ in os.walk(folder):
        with suppress(OSError):
            path = Path(place)
            path.chmod(path.stat().st_mode | stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    if folder.is_symlink() or not folder.is_dir():
        return False
    try:
        there = files(folder)
        return foreign(there, is_partial=True) is None and _is_free(folder)
    except OutputError:
        return False  # what it is can't be known


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Have the folder, under any name, while this lasts: others leave it alone."""
    handle = _taken(folder)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _is_free(folder: Path) -> bool:
    handle = _taken(folder)
    if handle is not None:
        os.close(handle)
    return handle is not None


def _taken(folder: Path) -> int | None:
    """What has the lock, None if another has it or there are no locks here."""
    if not fcntl:
        return None
    handle = None
    try:
        handle = os.open(folder, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        if handle is not None:
            os.close(handle)
        return None
    return handle
