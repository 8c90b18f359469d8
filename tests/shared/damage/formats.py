"""A file of each format, and how narrowcast opens it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        make: Writes a file, or a folder, and what it needs into a folder.
        open: Opens it; raises a NarrowcastError for what is damaged. It returns what
            runs the model, which may fail as it likes, but ends no process.
    """

    make: Callable[[Path], Path]
    open: Callable[[Path], Callable[[], object] | None]


def formats(group: str) -> Mapping[str, Format]:
    """The formats of a framework, or those that need none ("plain")."""
    found: Mapping[str, Any] = import_module(f"damage.{group}").FORMATS
    return found
