"""Outputs and labels as class numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ..values import LABELS, OUTPUTS, Numbers, numbers, place, sizes, whole

REMEDY = "Check which column or array of the data is the label."

SCORES = (
    "Scores of classes have one axis more than labels (topk takes one-hot labels); for "
    "the score of one class, take ROC or a metric of your own that rounds."
)

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
        bad = np.argwhere((found < 0) | (found >= classes))[0]
        raise DataError(
            f"labels run from {found.min()} to {found.max()}, "
            f"the model has {classes} classes ({found[tuple(bad)]} {place(bad[0])})",
            REMEDY,
        )
    return found


def compared(predictions: Any, labels: Any, name: str) -> tuple[Classes, Classes]:
    """Predicted and wanted class numbers, in one shape (n, …) without sizes of 1.

    Outputs with an axis of classes behind the first, (n, classes, …), are scores, and
    the largest is the class; outputs of the labels' shape are class numbers. A score
    that is NaN is no class: -1.

    Raises:
        DataError: Shapes don't fit, or what should be a class number is none.
    """
    takes = f"{name} takes class numbers"
    outputs = numbers(predictions, OUTPUTS, f"{takes} or scores of classes")
    wanted = numbers(labels, LABELS, takes)
    if not outputs.ndim or not wanted.ndim:
        raise _unfit(name, outputs, wanted)
    shape = sizes(wanted.shape)
    if sizes(outputs.shape) == shape:
        return _given(outputs, takes).reshape(shape), whole(
            wanted.reshape(shape), LABELS, takes
        )
    per_class = outputs.shape[:1] + outputs.shape[2:]
    if outputs.ndim < 2 or sizes(per_class) != shape:
        raise _unfit(name, outputs, wanted)
    found = outputs.argmax(axis=1)
    if outputs.dtype.kind == "f":
        found = np.where(np.isnan(outputs).any(axis=1), -1, found)
    classes = class_numbers(
        wanted.reshape(shape), len(outputs), outputs.shape[1], takes
    )
    return found.reshape(shape), classes


def _given(outputs: Numbers, takes: str) -> Classes:
    """Outputs that are class numbers; -1 for what is not finite."""
    if outputs.dtype.kind != "f":
        return outputs.astype(np.int64)
    known = np.where(np.isfinite(outputs), outputs, -1)
    try:
        return whole(known, OUTPUTS, takes)
    except DataError as error:
        raise DataError(error.message, SCORES) from error


def _unfit(name: str, outputs: Numbers, labels: Numbers) -> DataError:
    return DataError(
        f"{name} takes labels (n, …) with outputs of that shape, or (n, classes, …): "
        f"the model gives {outputs.shape}, the data has {labels.shape}",
        REMEDY,
    )
