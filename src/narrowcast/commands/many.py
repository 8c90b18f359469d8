"""Several specs in one process: what is named, and what comes of all together."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import typer

from .options import BAD
from .saying import failure, say

STDIN = Path("-")
"""Stands for standard input."""

ENDINGS = (".yaml", ".yml")
MODEL = re.compile(rb"""^[{\s]*["']?model["']?\s*:""", re.MULTILINE)
"""What tells a spec from other YAML files of a folder, broken ones too."""


def spec_files(named: Sequence[Path]) -> tuple[Path, ...]:
    """The specs: files as they are named, of folders all that are in them, each once.

    Raises:
        typer.Exit: A folder has none, which is told.
    """
    found: dict[str, Path] = {}
    for path in named:
        files = [path]
        if path != STDIN and path.is_dir():
            files = list(_within(path))
            if not files:
                raise failure(
                    f"error: {path} holds no spec\n"
                    "  A spec is a .yaml or .yml file with `model:` in it."
                )
        for file in files:
            found.setdefault(os.path.realpath(file), file)
    return tuple(found.values())


def for_each(specs: Sequence[Path], work: Callable[[Path], int]) -> None:
    """Do it for each spec; one that fails stops no other.

    Args:
        work: Gives an exit code, or tells what fails and raises `typer.Exit`.

    Raises:
        typer.Exit: With the worst of the codes, unless that is 0.
    """
    codes = [_code(spec, work) for spec in specs]
    failed = sum(code >= BAD for code in codes)
    if failed and len(specs) > 1:
        say(f"{failed} of {len(specs)} specs failed")
    if worst := max(codes, default=0):
        raise typer.Exit(worst)


def _code(spec: Path, work: Callable[[Path], int]) -> int:
    try:
        return work(spec)
    except typer.Exit as end:
        return end.exit_code


def _within(folder: Path) -> Iterator[Path]:
    """The specs of a folder and of those in it, hidden ones left out, in order."""
    for here, folders, files in os.walk(folder, onerror=_unread):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(files):
            path = Path(here, name)
            if not name.startswith(".") and path.suffix in ENDINGS and _is_spec(path):
                yield path


def _unread(error: OSError) -> None:
    """A folder that can't be read may hold specs."""
    text = f"can't read {error.filename}: {error.strerror}"
    raise failure(f"{text}\nLeave it out, or let it be read.", "NC901") from error


def _is_spec(path: Path) -> bool:
    """Whether the file speaks of a model; one that can't be read may."""
    from narrowcast.spec.load import LIMIT

    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return MODEL.search(file.read(LIMIT)) is not None
    except OSError:
        return True
