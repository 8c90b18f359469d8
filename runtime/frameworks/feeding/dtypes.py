"""The dtypes of a model's inputs: which data becomes them, and which is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...common.errors import DataError

Values = npt.NDArray[Any]

STRING = "string"
"""The dtype of text and of bytes; an array of them holds Python's `bytes`."""

KINDS = {
    "c": "Give real and imaginary parts as numbers of their own.",
    "M": "Give the time since some day as a number.",
    "m": "Give the time as a number: seconds, or days.",
    "V": "Give each field as an input of its own.",
}
"""NumPy's kinds that no input takes → what to give in their place."""


def dtype_name(value: Any) -> str:
    """NumPy's name of a tensor's or an array's dtype, or `STRING`."""
    dtype = value.dtype
    if isinstance(dtype, type):  # MXNet's are NumPy's classes
        dtype = np.dtype(dtype)
    if isinstance(dtype, np.dtype) and dtype.kind in "OSU":
        return STRING
    return str(getattr(dtype, "name", dtype)).rpartition(".")[2]


def check_kind(values: Values, what: str) -> None:
    """Refuse what no input is made of, before a cast makes something else of it.

    Raises:
        DataError: It holds complex numbers, dates, records or objects.
    """
    if values.dtype.kind in KINDS and not _is_float(values.dtype):
        remedy = KINDS[values.dtype.kind]
        raise DataError(f"{what} is {values.dtype}, which no model takes", remedy)
    strange = (each for each in _objects(values) if not isinstance(each, str | bytes))
    for each in strange:
        held = "None" if each is None else type(each).__name__
        raise DataError(
            f"{what} is {held}, which no model takes",
            "An input is an array, a tensor, a number or text; several are a tuple.",
        )


def _objects(values: Values) -> list[Any]:
    objects: list[Any] = values.ravel().tolist() if values.dtype.hasobject else []
    return objects


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
    check_kind(values, name)
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
            _remedy(values, wanted, name),
        )
    return found


def _remedy(values: Values, wanted: np.dtype[Any], name: str) -> str:
    if values.dtype.kind == wanted.kind == "f":
        most = np.finfo(wanted).max
        return f"{wanted.name} ends at {most:.3g}: scale the data, or leave such samples out."
    return (
        f"Give {wanted.name}, or write the dtype that is meant: "
        f"inputs: [{{name: {name.removeprefix('input ')}, dtype: {wanted.name}}}]."
    )


def _lost(values: Values, found: Values) -> npt.NDArray[np.bool_]:
    """Which values are others after a cast; floats may be rounded to floats."""
    if _is_float(values.dtype) and _is_float(found.dtype):
        return np.asarray(np.isfinite(values) & ~np.isfinite(found))
    with np.errstate(all="ignore"):
        back = found.astype(values.dtype)
    other = np.asarray(back != values)
    if values.dtype.kind in "iu" and found.dtype.kind in "iu":
        other |= (values < 0) != (found < 0)
    if values.dtype.kind == "f" and found.dtype.kind in "iu":
        most = float(2 ** (found.dtype.itemsize * 8 - (found.dtype.kind == "i")))
        least = -most if found.dtype.kind == "i" else 0
        other |= ~((values < most) & (values >= least))
        # A larger one may have been another whole number before it was a float.
        other |= np.abs(values) > 2.0 ** (np.finfo(values.dtype).nmant + 1)
    return other


def _is_float(dtype: np.dtype[Any]) -> bool:
    """Whether it is a float's; NumPy takes bfloat16 for a kind of its own."""
    return dtype.kind == "f" or dtype.name == "bfloat16"
