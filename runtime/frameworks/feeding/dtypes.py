"""The dtypes of a model's inputs: which data becomes them, and which is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...common.errors import DataError

Values = npt.NDArray[Any]

STRING = "string"
"""The dtype of text and of bytes; an array of them holds Python's `bytes`."""

NUMBERS = "biuf"
"""NumPy's kinds of what a tensor can hold as numbers."""

REFUSED = {
    "c": "complex numbers",
    "M": "dates",
    "m": "times",
    "V": "records",
}
"""NumPy's kinds that no input takes → what they are."""

SPLIT = "Split them into real and imaginary parts, two inputs of floats."
COUNTED = "Give them as numbers: `.astype('int64')`, and what they count from."


def dtype_name(value: Any) -> str:
    """NumPy's name of a tensor's or an array's dtype, or `STRING`."""
    dtype = value.dtype
    if isinstance(dtype, type):  # MXNet's are NumPy's classes
        dtype = np.dtype(dtype)
    if isinstance(dtype, np.dtype) and dtype.kind in "OSU":
        return STRING
    return str(getattr(dtype, "name", dtype)).rpartition(".")[2]


def checked(values: Values, name: str) -> Values:
    """The array, if an input can be made of what it holds.

    Args:
        name: Of the input, for messages.

    Raises:
        DataError: It holds complex numbers, dates, or Python's objects.
    """
    kind = values.dtype.kind
    if kind in REFUSED:
        remedy = {"c": SPLIT, "M": COUNTED, "m": COUNTED}
        raise DataError(
            f"{name} holds {REFUSED[kind]} ({values.dtype}), which no model takes here",
            remedy.get(kind, "Give an array for each of their fields."),
        )
    if kind == "O":
        strangers = {type(e).__name__ for e in values.flat if not _is_text(e)}
        if strangers:
            raise DataError(
                f"{name} is an array of Python objects: {', '.join(sorted(strangers))}",
                "An input is an array or a tensor of numbers, text or bytes; several are "
                "a tuple.",
            )
    return values


def _is_text(value: object) -> bool:
    return isinstance(value, str | bytes)


def conformed(values: Values, wanted: str | None, name: str) -> Values:
    """What data holds, in the dtype that the model's input has.

    Numbers are cast where each value stays what it is; floats also to narrower ones,
    in their range, since rounding is what the model asks for. Text becomes UTF-8.

    Args:
        wanted: The model's dtype; None where nothing says it: then float64, of which
            Python's floats are, becomes float32, and all else is as it is.
        name: Of the input, for messages.

    Raises:
        DataError: The data is of another kind, or a value would become another.
    """
    values = checked(values, name)
    given = dtype_name(values)
    if wanted is None:
        return values.astype(np.float32) if given == "float64" else values
    if wanted == STRING and given == STRING:
        return encoded(values)
    if given == wanted:
        return values
    if STRING in (wanted, given):
        raise DataError(
            f"{name} is {given} in the data, the model takes {wanted}",
            "Give it text or bytes: arrays of NumPy's kinds S, U, or of str and bytes."
            if wanted == STRING
            else "Give it numbers: the model has no lookup of its own.",
        )
    return _cast(values, np.dtype(wanted), name)


def encoded(values: Values) -> Values:
    """Text as an array of bytes objects, in UTF-8."""
    found = [e.encode() if isinstance(e, str) else bytes(e) for e in values.flat]
    return np.array(found, object).reshape(values.shape)


def _cast(values: Values, wanted: np.dtype[Any], name: str) -> Values:
    with np.errstate(all="ignore"):
        found = values.astype(wanted)
    lost = _lost(values, found)
    if lost.any():
        example = values[lost].flat[0]
        raise DataError(
            f"{name} holds {example!s} as {dtype_name(values)}, the model takes "
            f"{wanted.name}, which has no such value",
            f"Give {wanted.name}, or write the dtype that is meant: "
            f"inputs: [{{name: {name.removeprefix('input ')}, dtype: {wanted.name}}}].",
        )
    return found


def _lost(values: Values, found: Values) -> npt.NDArray[np.bool_]:
    """Which values are others after a cast; floats may be rounded to floats."""
    if values.dtype.kind == found.dtype.kind == "f":
        return np.asarray(np.isfinite(values) & ~np.isfinite(found))
    with np.errstate(all="ignore"):
        back = found.astype(values.dtype)
    other = np.asarray(back != values)
    if values.dtype.kind in "iu" and found.dtype.kind in "iu":
        other |= (values < 0) != (found < 0)
    if values.dtype.kind == "f" and found.dtype.kind in "iu":
        most = float(2 ** (found.dtype.itemsize * 8 - (found.dtype.kind == "i")))
        other |= ~(
            (values < most) & (values >= (-most if found.dtype.kind == "i" else 0))
        )
    return other
