"""Datasets in CSV files: one row a sample."""

from __future__ import annotations

import warnings
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ..arrays import Arrays, checked


def read_csv(
    path: Path,
    *,
    label: int | None,
    shape: tuple[int, ...] | None = None,
    header: bool = False,
    delimiter: str = ",",
) -> Arrays:
    """Numbers from a CSV file, compressed (.gz, .bz2, .xz) or not.

    Args:
        path: The file.
        label: Column of the label (negative counts from the end), None for no label.
        shape: Shape of one sample, of as many values as there are other columns; None
            for one row of them.
        header: Whether the first line names the columns.
        delimiter: What separates columns.

    Returns:
        One float32 input (samples, *shape); labels (samples,), int64 if all are whole.

    Raises:
        DataError: The file is missing, holds something that is no number, or its
            columns don't fit `shape`.
    """
    table = _table(path, header, delimiter)
    columns = table.shape[1]
    if label is not None and not -columns <= label < columns:
        raise DataError(
            f"{path.name} has {columns} columns, the label is column {label}",
            "Make dataset.csv.label fit the file.",
        )
    labels = None if label is None else _whole(table[:, label])
    values = table if label is None else np.delete(table, label, axis=1)
    sample = values.shape[1:] if shape is None else shape
    if values.shape[1] != prod(sample):
        raise DataError(
            f"{path.name} has {values.shape[1]} columns beside the label, "
            f"a sample of shape {sample} takes {prod(sample)}",
            "Make dataset.csv.shape and dataset.csv.label fit the file.",
        )
    samples = values.astype(np.float32).reshape(len(values), *sample)
    return checked(Arrays((samples,), labels), path.name)


def _table(path: Path, header: bool, delimiter: str) -> npt.NDArray[np.float64]:
    try:
        with warnings.catch_warnings(action="ignore"):  # of an empty file: told below
            table = np.loadtxt(
                path,
                delimiter=delimiter,
                skiprows=int(header),
                ndmin=2,
                encoding="utf-8",
            )
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist", "Check dataset.csv.path.") from error
    except Exception as error:  # each decompressor has errors of its own
        raise DataError(
            f"{path.name} can't be read: {error}",
            "Every cell must be a number; `header: true` skips the first line.",
        ) from error
    if not table.size:
        raise DataError(f"{path.name} holds no sample")
    return table


def _whole(labels: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    if np.array_equal(labels, np.round(labels)):
        return labels.astype(np.int64)
    return labels
