"""Files: written whole or not at all, and known by their hash."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import UsageError
from .standing import check_file


def write_bytes(path: Path, data: bytes) -> Path:
    """Write beside the target and rename: readers see the old file or the new one.

    Raises:
        UsageError: The folder can't be written, the disk is full, or what is there is
            no file.
    """
    staged = stage(path, data)
    with _written(path), removed_on_failure(staged):
        return staged.replace(path)


def stage(path: Path, data: bytes) -> Path:
    """Write to a new file beside the target, which only a rename is left of.

    Raises:
        UsageError: The folder can't be written, the disk is full, or what is there is
            no file.
    """
    check_file(path)
    with _written(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        staged = Path(name)
        with removed_on_failure(staged):
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            staged.chmod(0o644)
    return staged


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
        raise UsageError(
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
        raise UsageError(
            f"can't write in {folder}: {error.strerror or error}",
            "Choose another place with --output or --plan.",
        ) from error


def matching(pattern: Path) -> tuple[Path, ...]:
    """The files that a pattern of paths names (`*`, `?`, `[…]`), in order of their paths;
    one that is there by this very name alone. Hidden files match nothing."""
    if pattern.exists():
        return (pattern,)
    start = next(folder for folder in pattern.parents if folder.exists())
    found = start.glob(pattern.relative_to(start).as_posix())
    files = (path for path in found if path.is_file())
    return by_path(path for path in files if not path.name.startswith("."))


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
