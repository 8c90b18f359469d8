"""Columns of Arrow as NumPy's arrays: numbers, text, and lists of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ....common.optional import optional


class Column(Protocol):
    """A value for each row."""

    def __getitem__(self, row: int, /) -> Any: ...


@dataclass(frozen=True)
class Lists:
    """Lists of several lengths, which are slices of one array.

    Attributes:
        values: Those of all rows.
        offsets: (rows + 1,): where each row begins, and the last ends.
    """

    values: Sequence[Any] | npt.NDArray[Any]
    offsets: npt.NDArray[np.int64]

    def __getitem__(self, row: int) -> Any:
        return self.values[int(self.offsets[row]) : int(self.offsets[row + 1])]


def column(chunked: Any, where: str) -> Column:
    """The values of a column.

    Args:
        chunked: A `pyarrow.ChunkedArray`.
        where: The column, for messages.

    Returns:
        (rows, …) where all rows are of one shape.

    Raises:
        DataError: A value is missing, or of a type that no array has.
    """
    found: Column = _converted(chunked.combine_chunks(), where)
    return found


def _converted(array: Any, where: str) -> Any:
    types = optional("pyarrow.types", "reading Parquet files")
    kind = array.type
    if array.null_count:
        raise DataError(
            f"{where} has {array.null_count} empty cells", "Every sample needs a value."
        )
    if types.is_dictionary(kind):
        return _converted(array.dictionary_decode(), where)
    if types.is_fixed_size_list(kind):
        inner = np.asarray(_converted(array.flatten(), where))
        return inner.reshape(len(array), kind.list_size, *inner.shape[1:])
    if types.is_list(kind) or types.is_large_list(kind):
        return _lists(array, where)
    if any(of(kind) for of in _readable(types)):
        return array.to_numpy(zero_copy_only=False)
    raise DataError(
        f"{where} holds {kind}, which is neither numbers nor text",
        "Cast the column, or leave it out.",
    )


def _lists(array: Any, where: str) -> Any:
    """Lists as one array, where all have one length; else as slices."""
    ends = np.asarray(array.offsets.to_numpy(zero_copy_only=False), np.int64)
    offsets = ends - ends[0]
    inner = _converted(array.flatten(), where)
    lengths = np.diff(offsets)
    if isinstance(inner, np.ndarray) and len(set(lengths.tolist())) == 1:
        return inner.reshape(len(array), int(lengths[0]), *inner.shape[1:])
    return Lists(inner, offsets)


def _readable(types: Any) -> tuple[Any, ...]:
    return (
        types.is_integer,
        types.is_floating,
        types.is_boolean,
        types.is_string,
        types.is_large_string,
        types.is_binary,
        types.is_large_binary,
    )
