"""Datasets in NumPy archives."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from ..errors import DataError
from .arrays import Arrays, checked


def read_npz(path: Path, *, inputs: tuple[str, ...], label: str | None) -> Arrays:
    """Named arrays from an `.npz` file; pickled objects are refused.

    Args:
        path: The archive.
        inputs: Names of the arrays (samples, …) that feed the model, in its order.
        label: Name of the labels (samples, …), None for no label.

    Raises:
        DataError: The file or an array is missing, or holds Python objects.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [
                n for n in (*inputs, label) if n is not None and n not in archive
            ]
            if missing:
                raise DataError(
                    f"{path.name} has no array {missing[0]!r}",
                    f"It holds: {', '.join(archive.files)}.",
                )
            arrays = tuple(archive[name] for name in inputs)
            labels = None if label is None else archive[label]
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist", "Check dataset.npz.path.") from error
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path.name} can't be read: {error}", "It must be written by numpy.savez."
        ) from error
    return checked(Arrays(arrays, labels), path.name)
