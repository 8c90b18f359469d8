"""Fields of one row as the model's inputs and its label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ..arrays import single

Array = npt.NDArray[Any]

FITS = "Make all samples alike, or convert them to arrays first."


def sample(
    field: Callable[[str], Any],
    inputs: Sequence[str],
    label: str | None,
    shape: tuple[int, ...] | None,
    where: str,
) -> tuple[tuple[Array, ...], Any]:
    """Inputs and label of one row.

    Args:
        field: What stands in the row under a name.
        inputs: Names of the fields that feed the model, each an input of its own; with
            a shape, all values of theirs are one input.
        label: Name of the label, None for none.
        shape: Of the one input; None takes fields as they are.
        where: The row, for messages.

    Returns:
        Arrays, float64 as float32; the label, an array unless it is text.

    Raises:
        DataError: A field is not an array, or the values don't fill the shape.
    """
    arrays = tuple(single(_array(field(name), f"{where}: `{name}`")) for name in inputs)
    if shape is not None:
        arrays = (_shaped(arrays, shape, where),)
    if label is None:
        return arrays, None
    found = field(label)
    if isinstance(found, str | bytes):
        return arrays, found
    return arrays, _array(found, f"{where}: `{label}`")


def _shaped(arrays: Sequence[Array], shape: tuple[int, ...], where: str) -> Array:
    flat = np.concatenate([array.reshape(-1) for array in arrays])
    if len(flat) != prod(shape):
        raise DataError(
            f"{where} holds {len(flat)} values, a sample of shape {shape} takes "
            f"{prod(shape)}",
            "Make dataset's `inputs` and `shape` fit the file.",
        )
    return flat.reshape(shape)


def _array(value: Any, where: str) -> Array:
    if value is None:
        raise DataError(f"{where} holds nothing", "Every sample needs a value.")
    if isinstance(value, dict):
        raise DataError(f"{where} is an object of fields, not an array", FITS)
    try:
        found = np.asarray(value)
    except ValueError as error:
        raise DataError(
            f"{where} is a list of lists of several lengths", FITS
        ) from error
    if found.dtype.kind not in "biufUS":
        raise DataError(
            f"{where} is neither numbers nor text, or lists of them of one length", FITS
        )
    return found
