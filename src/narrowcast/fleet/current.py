"""Whether a model is what its spec and its files would give again, as its plan says."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from narrowcast import __version__
from narrowcast.runtime.common.errors import NarrowcastError
from narrowcast.runtime.common.files import sha256
from narrowcast.runtime.record.header import spec_sha256
from narrowcast.runtime.record.plan import read_document, recorded_files


def is_current(plan: Path, script: Path, output: Path) -> bool:
    """Whether the plan is of this script, and the model that is there is the plan's.

    What can't be told is taken for out of date: running it again loses nothing.

    Args:
        output: Folder of the model.
    """
    try:
        content = read_document(plan)
        made_by = content.get("narrowcast"), content.get("spec")
        files = recorded_files(content, plan.name)
        return (
            made_by == (__version__, spec_sha256(script))
            and _are_same(files, script.parent)
            and is_there(content, output)
        )
    except (NarrowcastError, OSError, ValueError, TypeError, AttributeError):
        return False


def _are_same(files: Mapping[str, Mapping[str, str | None]], folder: Path) -> bool:
    """Whether what the plan was made with is as it was."""

    def file(name: str) -> Path:
        return folder / name

    def module(name: str) -> Path:
        return _module(name, folder)

    for kind, hashes in files.items():
        found: Callable[[str], Path] = module if kind == "python" else file
        if any(sha256(found(name)) != known for name, known in hashes.items()):
            return False
    return True


def _module(name: str, folder: Path) -> Path:
    """A module's file; nothing is imported, not even the packages around it.

    Raises:
        OSError: It is not found, or no file.
    """
    places: Sequence[str] | None = [str(folder), *sys.path]
    spec = None
    for part in name.split("."):
        spec = PathFinder.find_spec(part, places)
        if spec is None:
            break
        places = spec.submodule_search_locations
    if spec is None or spec.origin is None:
        raise FileNotFoundError(name)
    return Path(spec.origin)


def is_there(content: Mapping[str, Any], output: Path) -> bool:
    """Whether the model is in place whose hash the plan has."""
    file, known = str(content["model"]["file"]), str(content["model"]["sha256"])
    path = output / file
    if path.is_file() and sha256(path) == known:
        return True
    return path.exists() and _of_all(path, str(content["name"])) == known


def _of_all(model: Path, name: str) -> str:
    """Hash of the model and what was written beside it, as its candidate's folder had.

    That has the model's name and precision before anything else in its own.
    """
    begins = re.match(rf"{re.escape(name)}\.\w+", model.name)
    assert begins is not None
    entries = sorted(model.parent.glob(f"{begins[0]}*"))
    inner = (each for entry in entries for each in (entry, *entry.rglob("*")))
    files = sorted(each for each in inner if each.is_file())
    rows = (
        f"{each.relative_to(model.parent).as_posix()} {sha256(each)}" for each in files
    )
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()
