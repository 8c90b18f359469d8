"""What a script calls a user's factory with."""

from __future__ import annotations

from pathlib import Path

from ...common.errors import ModelError


def path_argument(path: Path) -> str:
    """The path as text, which is what factories take.

    Raises:
        ModelError: There is nothing: a library may take the name for one on a hub.
    """
    if not path.exists():
        raise ModelError(
            f"{path}, which model.factory.args names, does not exist",
            "Arguments that start with ./ or ../ are paths, relative to the spec.",
        )
    return str(path)
