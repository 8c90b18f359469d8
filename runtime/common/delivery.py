"""What a run writes: first into a folder of its own, then in place.

A converted model is a file, a folder or several files that name one another, so its
candidate has its final name in a folder beside the place where it will stand. What
stands there is left alone until the candidate was judged.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from .errors import WriteError
from .files import STAGED, beside, keep_mode, sha256, standing
from .standing import check_model

CANDIDATE = "candidate-"
"""Prefix of the folder of a model that is not judged yet."""

FAILED = "failed"
"""Folder for a model that misses the criterion."""


def candidate(output: Path, name: str, number: int = 1) -> Path:
    """Where a model called `name` is saved before it is judged; its folder is empty.

    Args:
        number: Tells candidates of one name apart.

    Raises:
        UsageError: The folder can't be made.
    """
    folder = output / f"{CANDIDATE}{name if number == 1 else f'{number}-{name}'}"
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder / name


@contextmanager
def temporary(output: Path) -> Iterator[Path]:
    """A folder beside the candidates for a model that no one keeps.

    Raises:
        UsageError: The folder can't be made.
    """
    try:
        made = TemporaryDirectory(
            prefix=f"{CANDIDATE}{STAGED}", dir=output, ignore_cleanup_errors=True
        )
    except OSError as error:
        raise _unwritable(output, error) from error
    with made as folder:
        yield Path(folder)


def _unwritable(folder: Path, error: OSError) -> WriteError:
    return WriteError(
        f"can't write {folder}: {error.strerror or error}",
        "Make room, or choose another place with --output.",
    )


def destination(candidate: Path, missed: bool) -> Path:
    """Where a candidate is delivered."""
    output = candidate.parent.parent
    return (output / FAILED if missed else output) / candidate.name


def check_deliverable(output: Path, file: str, folder: bool) -> None:
    """See, before there is a model, that it may be put in place whatever comes out.

    Args:
        file: Its name.
        folder: Whether it is a folder.

    Raises:
        UsageError: Something else stands there, which would be lost.
    """
    for place in (output, output / FAILED):
        check_model(place / file, folder)


def deliver(candidate: Path, missed: bool) -> Path:
    """Put a candidate in place, with what was written beside it; the model comes last.

    What stood there is replaced; each file or folder is there whole at any time.

    Raises:
        UsageError: It can't be put there, or something else stands there.
    """
    final = destination(candidate, missed)
    entries = (*_beside(candidate), candidate)
    for entry in entries:
        check_model(final.parent / entry.name, entry.is_dir())
    try:
        final.parent.mkdir(exist_ok=True)
        for entry in entries:
            put(entry, final.parent / entry.name)
    except OSError as error:
        raise _unwritable(final.parent, error) from error
    shutil.rmtree(candidate.parent, ignore_errors=True)
    return final


def discard(candidate: Path) -> None:
    """Remove a candidate that is not wanted, if it is still there."""
    shutil.rmtree(candidate.parent, ignore_errors=True)


def candidate_hash(candidate: Path) -> str:
    """sha256 of all that a candidate is: the file's own where it is one file."""
    alone = candidate.is_file() and not any(_beside(candidate))
    return sha256(candidate if alone else candidate.parent)


def candidate_bytes(candidate: Path) -> int:
    """Size of all that a candidate is."""
    files = (path for path in candidate.parent.rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files)


def _beside(candidate: Path) -> Iterator[Path]:
    return (path for path in sorted(candidate.parent.iterdir()) if path != candidate)


def put(entry: Path, final: Path) -> None:
    """Put a file or folder in place, whole at any time; a link stays, and is followed.

    Raises:
        OSError: It can't be put there.
    """
    target = standing(final)
    near = _near(entry, target)
    try:
        if target.is_dir():
            target.rename(near.with_name(f"{near.name}.replaced"))
        else:
            keep_mode(near, target)
        near.replace(target)
    finally:
        if near != entry:
            shutil.rmtree(near.parent, ignore_errors=True)


def _near(entry: Path, target: Path) -> Path:
    """The entry; in a folder of its own, a copy where the target is on another disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if entry.stat().st_dev == target.parent.stat().st_dev:
        return entry
    folder = beside(target)
    folder.mkdir()
    copy = shutil.copytree if entry.is_dir() else shutil.copyfile
    try:
        copy(entry, folder / entry.name)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder / entry.name
