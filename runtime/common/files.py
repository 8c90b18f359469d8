"""Files: written whole or not at all, and known by their hash."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .errors import WriteError
from .standing import check_file

STAGED = "narrowcast-"
"""In the name of what is not whole yet: what a kill leaves is known to be ours."""


def write_bytes(path: Path, data: bytes) -> Path:
    """Write beside the target and rename: readers see the old file or the new one.

    A link stays one: what it names is replaced. A file that is there keeps its mode, a
    new one has what the umask leaves.

    Raises:
        WriteError: The folder can't be written, or the disk is full.
        OccupiedError: What is there is no file.
    """
    return write_by(path, lambda file: file.write(data))


def write_by(path: Path, write: Callable[[BinaryIO], object]) -> Path:
    """As `write_bytes`, of what a function writes bit by bit into the file."""
    staged = _staged(path, write)
    with _written(path), removed_on_failure(staged):
        staged.replace(standing(path))
    return path


def stage(path: Path, data: bytes) -> Path:
    """Write to a new file beside the target, which only a rename is left of.

    Raises:
        WriteError: The folder can't be written, or the disk is full.
        OccupiedError: What is there is no file.
    """
    return _staged(path, lambda file: file.write(data))


def _staged(path: Path, write: Callable[[BinaryIO], object]) -> Path:
    check_file(path)
    target = standing(path)
    with _written(path):
        target.parent.mkdir(parents=True, exist_ok=True)
        staged = beside(target)
        with removed_on_failure(staged):
            with staged.open("xb") as file:
                write(file)
            keep_mode(staged, target)
    return staged


def standing(path: Path) -> Path:
    """What a path names: of a link, what it leads to, which need not be there."""
    return Path(os.path.realpath(path))


def beside(path: Path) -> Path:
    """A name that nothing has yet, in the folder of another."""
    return path.with_name(f".{path.name[:200]}.{STAGED}{secrets.token_hex(4)}")


def keep_mode(new: Path, old: Path) -> None:
    """Give a file the permissions of the one whose place it takes, if one is there."""
    with suppress(FileNotFoundError):
        new.chmod(stat.S_IMODE(old.stat().st_mode))


@contextmanager
def removed_on_failure(staged: Path) -> Iterator[None]:
    """Leave no staged file behind by what fails meanwhile."""
    try:
        yield
    except BaseException:
        staged.unlink(missing_ok=True)
        raise


@contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WriteError(
            f"can't write {path}: {error.strerror or error}",
            "Make room, or choose another place with --output or --plan.",
        ) from error


def shown(path: Path) -> str:
    """A path as short as it can be typed here."""
    relative = os.path.relpath(path)
    return relative if not relative.startswith("..") else str(path)


def check_writable(folder: Path) -> None:
    """Make the folder and see that a file can be made in it.

    Raises:
        UsageError: It can't: better said now than after hours of search.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise WriteError(
            f"can't write in {folder}: {error.strerror or error}",
            "Choose another place with --output or --plan.",
        ) from error


def matching(pattern: Path) -> tuple[Path, ...]:
    """The files that a pattern of paths names (`*`, `?`, `[…]`), in order of their paths;
    one that is there by this very name alone. Hidden files match nothing, nor do those
    of hidden folders."""
    if pattern.exists():
        return (pattern,)
    start = next(folder for folder in pattern.parents if folder.exists())
    found = start.glob(pattern.relative_to(start).as_posix())
    files = (path for path in found if path.is_file())
    return by_path(
        path
        for path in files
        if not any(part.startswith(".") for part in path.relative_to(start).parts)
    )


def by_path(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The paths in an order that is the same on all machines."""
    return tuple(sorted(paths, key=Path.as_posix))


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes; of a folder's, the files' names with theirs."""
    if path.is_dir():
        files = sorted(each for each in path.rglob("*") if each.is_file())
        rows = (f"{each.relative_to(path).as_posix()} {sha256(each)}" for each in files)
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
