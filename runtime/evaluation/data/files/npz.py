"""Datasets in NumPy archives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.npyio import NpzFile

from ....common.errors import DataError
from ..arrays import Arrays, checked

OPTION = "dataset.npz.path"
"""Where the archive is named, for messages."""


def read_npz(path: Path, *, inputs: tuple[str, ...], label: str | None) -> Arrays:
    """Named arrays from an `.npz` file; pickled objects are refused.

    Args:
        path: The archive.
        inputs: Names of the arrays (samples, …) that feed the model, in its order.
        label: Name of the labels (samples, …), None for no label.

    Raises:
        DataError: The file or an array is missing, or holds Python objects.
    """
    with _reading(path):
        found = _arrays(path, (*inputs, *(() if label is None else (label,))))
    arrays = tuple(found[: len(inputs)])
    labels = None if label is None else found[-1]
    return checked(Arrays(arrays, labels), path.name, names=inputs, label=label)


def array_names(path: Path, option: str = OPTION) -> tuple[str, ...]:
    """What the arrays of an `.npz` file are called, in its order.

    Args:
        option: Where the archive is named, for messages.

    Raises:
        DataError: The file is missing, or is none.
    """
    with _reading(path, option), _opened(path) as archive:
        return tuple(archive.files)


@contextmanager
def _reading(path: Path, option: str = OPTION) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist", f"Check {option}.") from error
    except Exception as error:  # zip, zlib and NumPy's parser have errors of their own
        raise DataError(
            f"{path.name} can't be read: {error}", "It must be written by numpy.savez."
        ) from error


def _opened(path: Path) -> NpzFile:
    archive = np.load(path, allow_pickle=False)
    if not isinstance(archive, NpzFile):
        raise ValueError("it is no archive of named arrays")
    return archive


def _arrays(path: Path, names: tuple[str, ...]) -> list[npt.NDArray[Any]]:
    with _opened(path) as archive:
        for name in names:
            if name not in archive:
                raise DataError(
                    f"{path.name} has no array {name!r}",
                    f"It holds: {', '.join(archive.files)}.",
                )
        return [np.asanyarray(archive[name]) for name in names]
