"""A file that numbers the names of classes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ....common.errors import DataError
from ....common.optional import optional


def class_numbers(path: Path, user: str) -> Mapping[str, int]:
    """Name → number, of a YAML file with a line `name: number` for each class.

    Args:
        user: The metric, for messages.

    Raises:
        DataError: There is no such file, or it holds something else.
    """
    yaml = optional("yaml", f"{user} with anno_path", "pyyaml")
    remedy = "It is YAML with a line `name: number` for each class."
    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise DataError(
            f"anno_path {path} can't be read: {error.strerror}", remedy
        ) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())
        raise DataError(f"anno_path {path} is no YAML: {said}", remedy) from error
    if not isinstance(found, Mapping):
        raise DataError(f"anno_path {path} holds a {type(found).__name__}", remedy)
    for name, number in found.items():
        if not isinstance(number, int):
            raise DataError(
                f"anno_path {path}: {name} is {number!r}, no number", remedy
            )
    return {str(name): number for name, number in found.items()}
