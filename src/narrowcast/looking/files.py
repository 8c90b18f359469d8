"""Parts of files from anywhere: read within bounds, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from narrowcast.runtime.common.errors import (
    ModelError,
    RequirementError,
    first_line,
)

LARGEST = 1 << 26
"""Bytes of JSON that are read."""

WHOLE = "Copy or export it again, or leave its inputs out with --no-look."


def parsed(data: bytes, path: Path) -> Any:
    """A JSON text.

    Raises:
        ModelError: It is none, or nests too deep.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is damaged: {error}", WHOLE) from error


def small(path: Path) -> bytes:
    """A file of bounded size.

    Raises:
        ModelError: It is larger, or can't be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise ModelError(f"{path} can't be read: {error.strerror}") from error
    if len(data) > LARGEST:
        raise ModelError(f"{path} is larger than {LARGEST >> 20} MiB", WHOLE)
    return data


def member(path: Path, ending: str) -> bytes:
    """The one member of a zip archive whose name ends so.

    Raises:
        ModelError: There is none, or it is larger than it may be.
    """
    try:
        with ZipFile(path) as archive:
            names = [n for n in archive.namelist() if f"/{n}".endswith(ending)]
            if len(names) != 1:
                found = "several" if names else "no"
                raise ModelError(
                    f"{path} has {found} {ending.lstrip('/')} in it", WHOLE
                )
            with archive.open(names[0]) as file:
                data = file.read(LARGEST + 1)
    except ModelError:
        raise
    except OSError as error:
        said = error.strerror or first_line(error)
        raise ModelError(f"{path} can't be read: {said}", WHOLE) from error
    except (
        BadZipFile,
        ValueError,
        NotImplementedError,
        RuntimeError,
        EOFError,
    ) as error:
        raise ModelError(f"{path} is no whole zip archive: {error}", WHOLE) from error
    except Exception as error:  # of a decompressor, whose errors have no one base
        raise ModelError(f"{path} is damaged: {error}", WHOLE) from error
    if len(data) > LARGEST:
        raise ModelError(f"{path} has more than {LARGEST >> 20} MiB of {ending}", WHOLE)
    return data


def missing(package: str, path: Path, error: ImportError) -> RequirementError:
    """The package that reads such files can't be imported."""
    return RequirementError(
        f"{package} is needed to look into {path}: {error}",
        f"pip install {package}, or leave the inputs out with --no-look.",
    )
