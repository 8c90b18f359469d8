"""Outputs against labels of the same shape."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ..metric import MeanOverSamples
from ..values import LABELS, OUTPUTS, given_labels, numbers, one_output, rows, sizes

Floats = npt.NDArray[np.float64]


class MeanError(MeanOverSamples):
    """The mean over samples of an error between outputs and labels.

    Both have one shape, (n, …), or differ by dimensions of size 1; of a model with
    several outputs, labels are as many, in a tuple.

    Args:
        compare_label: Compare with the labels; false: with what the model as loaded
            gives for the same inputs, for which no labels are needed.
    """

    bounds = (0.0, math.inf)
    title: str

    def __init__(self, compare_label: bool = True) -> None:
        super().__init__()
        self.compare_label = compare_label
        self.name = named(self.title, compare_label)

    def update(self, predictions: Any, labels: Any, /) -> None:
        """Score one batch.

        Raises:
            DataError: Labels are not as many as outputs, or differ in shape.
        """
        if not isinstance(labels, tuple):
            predictions = one_output(predictions, self.name)
        self.add(self.score(predictions, given_labels(labels, self.name)))

    def score(self, predictions: Any, labels: Any) -> Floats:
        """The mean error of each sample."""
        found = differences(predictions, labels, self.name)
        return np.asarray(self.error(found).mean(axis=1))

    @abstractmethod
    def error(self, differences: Floats) -> Floats:
        """Of each difference."""


def named(title: str, compare_label: bool) -> str:
    """What an error is called in reports."""
    return title if compare_label else f"{title} to fp32"


def differences(predictions: Any, labels: Any, name: str) -> Floats:
    """Outputs less labels, (n, values of a sample).

    Of a model with several outputs, labels are as many, in the same order.

    Raises:
        DataError: Their shapes differ by more than dimensions of size 1.
    """
    outputs = predictions if isinstance(predictions, tuple) else (predictions,)
    wanted = labels if isinstance(labels, tuple) else (labels,)
    if len(outputs) != len(wanted):
        raise DataError(
            f"{name} needs labels for each output: the model gives {len(outputs)}, the "
            f"data has {len(wanted)}",
            "Give a tuple of labels, or use a metric of your own.",
        )
    found = [_rows(*pair, name) for pair in zip(outputs, wanted, strict=True)]
    if len({len(each) for each in found}) > 1:
        counts = ", ".join(str(len(each)) for each in found)
        raise DataError(
            f"{name} needs outputs of as many samples, the model gives {counts}",
            "Use a metric of your own that takes them apart.",
        )
    return np.concatenate(found, axis=1)


def _rows(prediction: Any, label: Any, name: str) -> Floats:
    takes = f"{name} takes numbers"
    output = numbers(prediction, OUTPUTS, takes).astype(np.float64)
    wanted = numbers(label, LABELS, takes).astype(np.float64)
    if not output.ndim or sizes(output.shape) != sizes(wanted.shape):
        raise DataError(
            f"{name} needs labels of the outputs' shape {output.shape}, "
            f"the data has {wanted.shape}",
            "Check which columns or array of the data is the label.",
        )
    return rows(output - wanted.reshape(output.shape))
