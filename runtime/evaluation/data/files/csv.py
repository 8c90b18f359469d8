"""Datasets in CSV files: one row a sample."""

from __future__ import annotations

import warnings
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ..arrays import Arrays, checked

EXACT = 2**53
"""Whole numbers up to it are what float64 says they are."""


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
    first = 1 + int(header)
    labels = None if label is None else _whole(table[:, label], path.name, first)
    values = table if label is None else np.delete(table, label, axis=1)
    sample = values.shape[1:] if shape is None else shape
    if values.shape[1] != prod(sample):
        raise DataError(
            f"{path.name} has {values.shape[1]} columns beside the label, "
            f"a sample of shape {sample} takes {prod(sample)}",
            "Make dataset.csv.shape and dataset.csv.label fit the file.",
        )
    samples = _single(values, path.name, first).reshape(len(values), *sample)
    return checked(Arrays((samples,), labels), path.name)


def _table(path: Path, header: bool, delimiter: str) -> npt.NDArray[np.float64]:
    try:
        with warnings.catch_warnings(action="ignore"):  # of an empty file: told below
            table = np.loadtxt(
                path,
                delimiter=delimiter,
                skiprows=int(header),
                ndmin=2,
                comments=None,
                encoding="utf-8-sig",
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


def _single(
    values: npt.NDArray[np.float64], name: str, first: int
) -> npt.NDArray[np.float32]:
    """As float32.

    Args:
        name: The file's, for messages.
        first: The number of the first row.
    """
    with np.errstate(over="ignore"):  # told below
        found = values.astype(np.float32)
    beyond: npt.NDArray[np.bool_] = np.isfinite(values) & ~np.isfinite(found)
    _refuse(
        np.any(beyond, axis=1),
        name,
        first,
        "a value beyond float32",
        "Scale the values.",
    )
    return found


def _whole(
    labels: npt.NDArray[np.float64], name: str, first: int
) -> npt.NDArray[np.float64] | npt.NDArray[np.int64]:
    """As int64, if all are whole."""
    odd = ~np.isfinite(labels)
    _refuse(odd, name, first, "no number as its label", "Give each row its label.")
    if not np.array_equal(labels, np.round(labels)):
        return labels
    large = np.abs(labels) > EXACT
    what = "a label that is no class and no exact number"
    _refuse(large, name, first, what, "Write labels of at most 2^53.")
    return labels.astype(np.int64)


def _refuse(
    rows: npt.NDArray[np.bool_], name: str, first: int, what: str, remedy: str
) -> None:
    if rows.any():
        raise DataError(f"{name}, row {first + int(rows.argmax())}: {what}", remedy)
