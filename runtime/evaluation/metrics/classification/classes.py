"""Outputs and labels as class numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ..values import LABELS, OUTPUTS, Numbers, numbers, sizes, whole

REMEDY = "Check which column or array of the data is the label."

SCORES = (
    "Scores of classes have one axis more than labels (topk takes one-hot labels); for "
    "the score of one class, write `Accuracy: {threshold: 0.5}` or the like for F1, or "
    "take ROC."
)

SHAPES = "of that shape, or (n, classes, …) or (n, …, classes)"
ONE_SCORE = "of that shape where a threshold is written"

Classes = npt.NDArray[np.int64]


def class_numbers(labels: Numbers, samples: int, classes: int, takes: str) -> Classes:
    """Labels as class numbers (n, …) from 0 to classes - 1.

    Raises:
        DataError: Their number differs, or they are no numbers of classes.
    """
    if len(labels) != samples:
        raise DataError(f"{len(labels)} labels for {samples} samples", REMEDY)
    found = whole(labels, LABELS, takes)
    if found.size and not (found.min() >= 0 and found.max() < classes):
        raise DataError(
            f"labels run from {found.min()} to {found.max()}, "
            f"the model has {classes} classes",
            REMEDY,
        )
    return found


def compared(
    predictions: Any,
    labels: Any,
    name: str,
    *,
    threshold: float | None = None,
    axis: int | None = None,
) -> tuple[Classes, Classes]:
    """Predicted and wanted class numbers, in one shape (n, …) without sizes of 1.

    Outputs with an axis of classes behind the first or at the end, (n, classes, …) or
    (n, …, classes), are scores, and the largest is the class; outputs of the labels'
    shape are class numbers. A score that is NaN is no class: -1.

    Args:
        threshold: Outputs of the labels' shape are scores of class 1, which counts as
            predicted above this.
        axis: Of the outputs, where their classes are.

    Raises:
        DataError: Shapes don't fit, or what should be a class number is none; or both
            axes could be that of classes.
    """
    takes = f"{name} takes class numbers"
    outputs = numbers(predictions, OUTPUTS, f"{takes} or scores of classes")
    wanted = numbers(labels, LABELS, takes)
    if not outputs.ndim or not wanted.ndim:
        raise _unfit(name, outputs, wanted)
    shape = sizes(wanted.shape)
    wanted = wanted.reshape(shape)
    fits = sizes(outputs.shape) == shape
    if threshold is not None:
        if not fits:
            raise _unfit(name, outputs, wanted, ONE_SCORE)
        above = np.where(np.isnan(outputs), -1, outputs > threshold)
        known = class_numbers(wanted, len(outputs), 2, f"{name} takes 0 and 1")
        return above.astype(np.int64).reshape(shape), known
    if fits and axis is None:
        return _given(outputs, takes).reshape(shape), whole(wanted, LABELS, takes)
    place = _axis(outputs, wanted, axis, name)
    found = outputs.argmax(axis=place)
    if outputs.dtype.kind == "f":
        found = np.where(np.isnan(outputs).any(axis=place), -1, found)
    known = class_numbers(wanted, len(outputs), outputs.shape[place], takes)
    return found.reshape(shape), known


def _axis(outputs: Numbers, labels: Numbers, axis: int | None, name: str) -> int:
    """Where the outputs have their classes.

    Raises:
        DataError: Nowhere, or in one of two places.
    """
    last = outputs.ndim - 1
    places = {1, last} if axis is None else {axis if axis >= 0 else last + 1 + axis}
    fitting = [
        place
        for place in sorted(places)
        if 0 < place <= last
        and sizes(outputs.shape[:place] + outputs.shape[place + 1 :]) == labels.shape
    ]
    if not fitting:
        raise _unfit(name, outputs, labels)
    if len(fitting) > 1:
        raise DataError(
            f"{name}: of outputs {outputs.shape} with labels {labels.shape}, axis 1 or "
            "the last can be that of classes",
            "Write which: `Accuracy: {axis: 1}` or `{axis: -1}`; F1 has it, too.",
        )
    return fitting[0]


def _given(outputs: Numbers, takes: str) -> Classes:
    """Outputs that are class numbers; -1 for what is not finite."""
    if outputs.dtype.kind != "f":
        return outputs.astype(np.int64)
    known = np.where(np.isfinite(outputs), outputs, -1)
    try:
        return whole(known, OUTPUTS, takes)
    except DataError as error:
        raise DataError(error.message, SCORES) from error


def _unfit(
    name: str, outputs: Numbers, labels: Numbers, shapes: str = SHAPES
) -> DataError:
    return DataError(
        f"{name} takes labels (n, …) with outputs {shapes}: "
        f"the model gives {outputs.shape}, the data has {labels.shape}",
        REMEDY,
    )
