"""Predictions and labels as a metric gets them, as arrays of numbers, or what they are."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from ...common.errors import DataError
from ..data.arrays import CALLED

Numbers = npt.NDArray[Any]
"""Booleans, integers or floats."""

PLACE = re.compile(r"in sample (\d+) of a batch")

LABELS, OUTPUTS = "labels", "outputs"

REMEDIES = {
    LABELS: "Check which column or array of the data is the label; names of classes "
    "need numbers.",
    OUTPUTS: "Choose a metric that fits the model's outputs.",
}


def one_output(predictions: Any, name: str) -> Any:
    """The predictions of a model with one output.

    Raises:
        DataError: It has several.
    """
    if not isinstance(predictions, tuple):
        return predictions
    raise DataError(
        f"{name} scores one output, the model has {len(predictions)}",
        "Use a metric of your own that takes them all.",
    )


def given_labels(labels: Any, name: str) -> Any:
    """The labels.

    Raises:
        DataError: The data has none.
    """
    if labels is not None:
        return labels
    raise DataError(
        f"{name} needs labels, the data has none",
        f"Say in the spec which column or array of the data is the label. {CALLED}",
    )


def numbers(values: Any, what: str, takes: str) -> Numbers:
    """Values of a batch as one array of numbers, shape (n, …).

    Args:
        what: `LABELS` or `OUTPUTS`.
        takes: What they should be: "top-1 takes class numbers".

    Raises:
        DataError: They are strings, dates or other objects, one of them is missing, or
            their shapes differ; the sample is named.
    """
    array = _array(values)
    if array is not None and array.dtype.kind in "biuf":
        return array
    found = None if array is None or array.dtype.kind not in "OV" else _numeric(array)
    if found is None:
        raise DataError(f"{_said(values, array, what)}: {takes}", REMEDIES[what])
    return found


def whole(values: Numbers, what: str, takes: str) -> npt.NDArray[np.int64]:
    """Numbers that are whole, as such; what is not finite is none.

    Raises:
        DataError: One is not; the sample is named.
    """
    if values.dtype.kind != "f":
        return values.astype(np.int64)
    bad = np.flatnonzero((values != np.floor(values)) | ~np.isfinite(values))
    if len(bad):
        sample = bad[0] // max(values[0].size, 1)
        raise DataError(
            f"{what} are not whole numbers ({values.flat[bad[0]]:.6g} "
            f"{place(int(sample))}): {takes}",
            REMEDIES[what],
        )
    return values.astype(np.int64)


def finite(values: Any) -> bool:
    """Whether no float among them is NaN or infinite."""
    if not isinstance(values, np.ndarray) or values.dtype.kind != "f":
        return True
    return bool(np.isfinite(values).all())


def sizes(shape: Sequence[int]) -> tuple[int, ...]:
    """A shape (n, …) without what dimensions of size 1 say."""
    return (*shape[:1], *(size for size in shape[1:] if size != 1))


def rows(array: Numbers) -> Numbers:
    """An array (n, …) as (n, values of a sample); a single number is one sample."""
    count = len(array) if array.ndim else 1
    return array.reshape(count, math.prod(array.shape[1:]))


def texts(values: Any, what: str, takes: str) -> list[str]:
    """Values of a batch as texts; bytes are UTF-8.

    Raises:
        DataError: One is none; the sample is named.
    """
    found = []
    for number, each in enumerate(np.ravel(np.asarray(values, dtype=object))):
        if not isinstance(each, str | bytes):
            said = "missing (None" if each is None else f"no texts ({plain(each)!r}"
            raise DataError(
                f"{what} are {said} {place(number)}): {takes}", REMEDIES[what]
            )
        found.append(each if isinstance(each, str) else each.decode(errors="replace"))
    return found


def plain(value: Any) -> Any:
    """NumPy's scalars as Python's, which are shown without their type."""
    return value.item() if isinstance(value, np.generic) else value


def _array(values: Any) -> Numbers | None:
    """None where the samples have several shapes."""
    try:
        return np.asarray(values)
    except (ValueError, TypeError):
        return None


def _numeric(array: Numbers) -> Numbers | None:
    """Python's numbers, or a 16-bit float that NumPy doesn't know, as floats."""
    if array.dtype.kind == "V":
        return None if array.dtype.names else array.astype(np.float32)
    known = all(isinstance(each, Real | np.bool_) for each in array.flat)
    return array.astype(np.float64) if known else None


def _said(values: Any, array: Numbers | None, what: str) -> str:
    """What came instead of numbers, with the first sample of its kind."""
    if array is None:
        return _shapes(values, what)
    kinds = {"U": "strings", "S": "bytes", "M": "dates", "m": "times", "c": "complex"}
    if array.dtype.kind in kinds:
        number, value = _stranger(array)
        return f"{what} are {kinds[array.dtype.kind]} ({value!r} {place(number)})"
    for number, each in enumerate(array if array.ndim else [array.item()]):
        parts = np.asarray(each, dtype=object).ravel()
        for part in parts:
            if part is None:
                return f"{what} are missing (None {place(number)})"
            if not isinstance(part, Real):
                kind = "strings" if isinstance(part, str) else f"{type(part).__name__}"
                said = repr(plain(part))[:60]
                return f"{what} are {kind} ({said} {place(number)})"
    return f"{what} are no numbers"


def _shapes(values: Iterable[Any], what: str) -> str:
    """The first two samples that differ in shape, or the first that is missing."""
    first: tuple[int, ...] | None = None
    for number, each in enumerate(values):
        if each is None:
            return f"{what} are missing (None {place(number)})"
        array = _array(each)
        shape = None if array is None else array.shape
        if number == 0:
            first = shape
        elif shape != first:
            return f"{what} differ in shape ({first} and {shape} {place(number)})"
    return f"{what} differ in shape within a sample"


def _stranger(array: Numbers) -> tuple[int, Any]:
    """The first that is no number even as text: among labels that NumPy has stacked to
    strings, the one that made it do so."""
    for number, row in enumerate(rows(array).tolist()):
        for each in row:
            try:
                float(str(each))
            except ValueError:
                return number, each
    return 0, array.ravel()[0]


def place(number: int) -> str:
    """Where a sample is, for messages; `counted_on` knows those words."""
    return f"in sample {number} of a batch"


def counted_on(error: DataError, before: int) -> DataError:
    """The error with the sample's number among all samples.

    Args:
        before: How many came before its batch.
    """

    def of_all(found: re.Match[str]) -> str:
        return f"in sample {before + int(found[1])} of the data, as it is read"

    return DataError(PLACE.sub(of_all, error.message), error.remedy)
