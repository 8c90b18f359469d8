"""A model that is supplied: its path, or the framework's own object."""

from __future__ import annotations

import os
from pathlib import Path

from ...common.errors import ModelError


def path_in(source: object) -> Path | None:
    """The path that a source is, None if it is an object."""
    return Path(source) if isinstance(source, str | os.PathLike) else None


def place_of(path: Path) -> str:
    """What messages about a supplied file start with."""
    return f"the model {path.name or path}"


def missing(path: Path, takes: str) -> ModelError:
    """There is nothing at a path.

    Args:
        takes: What can be opened, as a sentence.
    """
    return ModelError(
        f"the model {path} does not exist",
        f"Paths are relative to where the script is started, {Path.cwd()}. {takes}",
    )


def unknown(source: object, takes: str) -> ModelError:
    """A source is neither a path nor an object that the framework has for models."""
    if isinstance(source, type):
        return ModelError(f"the model is a class, {source.__name__}", takes)
    kind = type(source)
    return ModelError(f"the model is a {kind.__module__}.{kind.__qualname__}", takes)


def lone(folder: Path, pattern: str, takes: str) -> Path:
    """The one file of a kind in a folder.

    Raises:
        ModelError: There is none, or there are several.
    """
    found = sorted(path for path in folder.glob(pattern) if path.is_file())
    if not found:
        raise ModelError(f"the folder {folder} holds no {pattern}", takes)
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise ModelError(
            f"the folder {folder} holds {len(found)} models: {names}",
            "Name one of them.",
        )
    return found[0]
