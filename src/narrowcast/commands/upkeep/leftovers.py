"""What runs that were killed left behind: found by their names, and by whose they are.

A file is ours only where it is called exactly as the writers call theirs, and a plan, a
history or a lock beside it has that model's name. What belongs to a run that is not over is left alone, as is what may
be the only copy of an earlier result.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from narrowcast.runtime.common.delivery import CANDIDATE, FAILED
from narrowcast.runtime.common.files import STAGED
from narrowcast.runtime.record.lock import is_held, lock_path, locked

OWNER = re.compile(
    r"(?:\.(?P<lock>.+)\.lock|(?P<file>.+)\.(?:plan\.json|trials\.jsonl))"
)
BESIDE = re.compile(rf"\.(?P<name>.+?)(?P<old>\.old)?\.{STAGED}[0-9a-f]{{8}}")
"""What is written beside its place, as `runtime.common.files.beside` names it."""

ENDINGS = r"(|\.compiled\.pt2|\.pt2|\.onnx(\.data)?|-symbol\.json|-[0-9]{4}\.params)"
"""How the files of a model in 16 bits end; a SavedModel is a folder without."""

PARTS = re.compile(r"saved_model\.pb|fingerprint\.pb|variables|assets(\.extra)?")
"""What is in a SavedModel's folder, from its beginning on."""

TEMPORARY = re.compile(f"{CANDIDATE}{STAGED}[a-z0-9_]{{8}}")
PRIVATE = 0o700
"""The mode of a folder that `tempfile` makes."""

TOLD_APART = "([0-9]+-)?((prepared|rules)-)?"
"""What a candidate's name begins with where a model of that name has several."""

SCRIPT = "convert_"
REFERENCE = re.compile(r"[0-9]{6}\.npz")
"""Outputs of fp32 that drift is measured from."""


@dataclass(frozen=True)
class Leftover:
    """A file or folder that no run needs.

    Attributes:
        name: Of the model whose run left it.
    """

    path: Path
    name: str


def leftovers(folder: Path) -> tuple[tuple[Leftover, ...], tuple[str, ...]]:
    """What killed runs left in a folder, and the models whose runs are not over."""
    here = sorted(folder.iterdir())
    names = {name for path in here for name in _owners(path)}
    names = {name for name in names if _is_free(lock_path(folder, name))}
    live = {name for name in names if is_held(lock_path(folder, name))}
    found = (
        Leftover(path, name)
        for path in here
        for name in sorted(names, key=len, reverse=True)
        if _is_left(path, name)
    )
    first = {each.path: each for each in reversed(tuple(found))}
    ours = (first[path] for path in here if path in first)
    over = tuple(each for each in ours if each.name not in live)
    return over, tuple(sorted(live))


def remove(left: Leftover) -> bool:
    """Remove it, unless a run of its model began meanwhile; whether it is gone.

    Raises:
        UsageError: A run of its model began.
        OSError: It can't be removed.
    """
    lock = lock_path(left.path.parent, left.name)
    unlocked: list[str] = []
    with locked(lock, unlocked.append):
        if unlocked:
            return False
        if left.path == lock:
            return True  # it goes with being let go
        if left.path.is_dir() and not left.path.is_symlink():
            shutil.rmtree(left.path)
        else:
            left.path.unlink(missing_ok=True)
    return True


def _owners(path: Path) -> Iterator[str]:
    found = OWNER.fullmatch(path.name)
    if found and path.is_file() and not path.is_symlink():
        if found["file"]:
            yield found["file"]
        elif _is_lock(path):
            yield found["lock"]


def _is_free(lock: Path) -> bool:
    """Whether nothing that isn't ours stands in a lock's place."""
    return not os.path.lexists(lock) or (lock.is_file() and _is_lock(lock))


def _is_lock(path: Path) -> bool:
    """Whether it holds no more than a process's number."""
    if path.stat().st_size > 20:
        return False
    return not path.read_bytes().strip(b"0123456789")


def _is_left(path: Path, name: str) -> bool:
    """Whether a run of this model left it."""
    if path.is_symlink():
        return False
    if path.name == f".{name}.lock":
        return _is_lock(path)
    if path.name.startswith(CANDIDATE) and path.is_dir():
        return _is_candidate(path, name)
    staged = BESIDE.fullmatch(path.name)
    if staged is None:
        return False
    if staged["old"] and not path.with_name(staged["name"]).exists():
        return False  # what was there before, and nothing else is
    own = staged["name"]
    if path.is_dir():
        return _is_model(own, name) and _is_half_written(path, own)
    return own.startswith(f"{name}.") or own == f"{SCRIPT}{name}.py"


def _is_model(file: str, name: str) -> bool:
    """Whether a model of this name has such a file, as a candidate too."""
    called = rf"{TOLD_APART}{re.escape(name)}\.(bf16|fp16){ENDINGS}"
    return re.fullmatch(called, file) is not None


def _is_half_written(folder: Path, own: str) -> bool:
    """Whether it is a SavedModel, as far as that goes; or a copy of what is called `own`
    that came from another disk, and is alone there."""
    entries = {each.name for each in folder.iterdir()}
    if all(PARTS.fullmatch(each) for each in entries):
        return True
    return entries == {own}


def _is_candidate(path: Path, name: str) -> bool:
    """Whether a model of this name is in it, and no earlier one that is nowhere else."""
    entries = [each.name for each in path.iterdir()]
    for entry in entries:
        place = entry.removesuffix(".replaced")
        if place != entry and not _delivered(path, place):
            return False
    if TEMPORARY.fullmatch(path.name):
        private = stat.S_IMODE(path.stat().st_mode) == PRIVATE
        return private and all(
            _is_part(each, name) or REFERENCE.fullmatch(each) for each in entries
        )
    model = path.name.removeprefix(CANDIDATE)
    return _is_model(model, name) and all(_is_part(each, name) for each in entries)


def _is_part(entry: str, name: str) -> bool:
    """Whether a model's file is called so, also while it is written or replaced."""
    staged = BESIDE.fullmatch(entry)
    own = staged["name"] if staged else entry.removesuffix(".replaced")
    return _is_model(own, name)


def _delivered(candidate: Path, name: str) -> bool:
    """Whether a model of this name stands where the candidate would go."""
    places = (candidate.parent / name, candidate.parent / FAILED / name)
    return any(each.exists() for each in places)
