"""Datasets in Parquet files: one row a sample, a few row groups in memory."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import Any

import numpy.typing as npt

from ....common.errors import DataError
from ....common.optional import optional
from ....common.suggestion import suggestion
from .columns import Column, column
from .fields import sample
from .folders import seen
from .lines import missing

OPTION = "dataset.parquet.path"

KEPT = 4
"""Row groups that stay in memory, however large: threads read of several at once."""

HELD = 256 * 2**20
"""Bytes up to which more of them stay: a shuffled order comes back to each."""


@dataclass(frozen=True)
class RowGroup:
    """Rows that are read together.

    Attributes:
        number: Within its file, from 0.
        rows: How many they are.
        size: Bytes of all their columns, unpacked.
    """

    path: Path
    number: int
    rows: int
    size: int


@dataclass
class Parquet:
    """Rows of one file or of several.

    Attributes:
        groups: In order.
        inputs: Names of the columns that feed the model: numbers, lists, or text.
        label: Name of the label, None for none.
        shape: Of one sample, where the columns together are one input.
        held: Bytes of row groups that stay in memory.
    """

    groups: Sequence[RowGroup]
    inputs: Sequence[str]
    label: str | None
    shape: tuple[int, ...] | None = None
    held: int = HELD
    _read: OrderedDict[int, Mapping[str, Column]] = field(
        default_factory=OrderedDict, repr=False
    )
    _reading: Lock = field(default_factory=Lock, repr=False)

    def __post_init__(self) -> None:
        self._ends = list(accumulate(group.rows for group in self.groups))

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys(group.path for group in self.groups))

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> tuple[tuple[npt.NDArray[Any], ...], Any]:
        """Inputs and label of one row.

        Raises:
            IndexError: There is no such row.
            DataError: The file is damaged, or a value is missing.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        at = bisect_right(self._ends, index)
        row = index - (self._ends[at] - self.groups[at].rows)
        columns = self._columns(at)
        where = f"{self.groups[at].path.name}, row {index}"
        return sample(
            partial(_value, columns, row), self.inputs, self.label, self.shape, where
        )

    def _columns(self, at: int) -> Mapping[str, Column]:
        """What is asked for of one row group, read unless it is there."""
        with self._reading:
            if at not in self._read:
                self._read[at] = _group(self.groups[at], self._names)
                while len(self._read) > KEPT and self._size() > self.held:
                    self._read.popitem(last=False)
            self._read.move_to_end(at)
            return self._read[at]

    def _size(self) -> int:
        return sum(self.groups[at].size for at in self._read)

    @property
    def _names(self) -> list[str]:
        return [*self.inputs, *([] if self.label is None else [self.label])]


def read_parquet(
    path: Path,
    *,
    inputs: Sequence[str],
    label: str | None,
    shape: tuple[int, ...] | None = None,
) -> Parquet:
    """The rows of a file, or of all files of a folder, in order of their names.

    Only the index is read; a row group is when a row of it is asked for, so that small
    ones keep memory small, and a shuffled order fast.

    Args:
        path: The file, or a folder of `.parquet` files with the same columns.

    Raises:
        DataError: There is none, or one is damaged, or lacks a column.
        RequirementError: PyArrow is not installed.
    """
    files = [path]
    if path.is_dir():
        files = sorted(each for each in path.glob("*.parquet") if seen(Path(each.name)))
    if not files:
        raise DataError(f"{path} holds no .parquet file", f"Check {OPTION}.")
    made = Parquet(
        [group for file in files for group in _groups(file)], inputs, label, shape
    )
    if not made.groups or not len(made):
        raise DataError(f"{path.name} holds no sample")
    for file in files:
        _has_columns(file, made._names)
    return made


def _opened(path: Path) -> Any:
    parquet = optional("pyarrow.parquet", "reading Parquet files")
    try:
        return parquet.ParquetFile(path)
    except OSError as error:
        if error.errno is not None:
            raise missing(path, OPTION, error) from error
        raise _damaged(path, error) from error
    except Exception as error:  # Arrow has errors of its own
        raise _damaged(path, error) from error


def _damaged(path: Path, error: BaseException) -> DataError:
    return DataError(
        f"{path.name} can't be read: {error}", "It must be a whole Parquet file."
    )


def _groups(path: Path) -> list[RowGroup]:
    with _opened(path) as file:
        about = file.metadata
        found = map(about.row_group, range(about.num_row_groups))
        return [
            RowGroup(path, number, group.num_rows, group.total_byte_size)
            for number, group in enumerate(found)
        ]


def _has_columns(path: Path, names: Sequence[str]) -> None:
    with _opened(path) as file:
        known = file.schema_arrow.names
    for name in names:
        if name not in known:
            raise DataError(
                f"{path.name} has no column `{name}`", suggestion(name, known)
            )
        if known.count(name) > 1:
            raise DataError(
                f"{path.name} has {known.count(name)} columns called `{name}`",
                "Write the file again, with a name for each.",
            )


def _group(group: RowGroup, names: Sequence[str]) -> Mapping[str, Column]:
    with _opened(group.path) as file:
        try:
            table = file.read_row_group(group.number, columns=list(names))
        except Exception as error:  # Arrow has errors of its own
            raise _damaged(group.path, error) from error
    return {
        name: column(table.column(name), f"{group.path.name}: `{name}`")
        for name in names
    }


def _value(columns: Mapping[str, Column], row: int, name: str) -> Any:
    return columns[name][row]
