"""Accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..metric import MeanOverSamples
from ..values import rows
from .classes import compared


class Accuracy(MeanOverSamples):
    """The share of predictions that are right.

    Labels are class numbers (n, …); predictions are scores (n, classes, …) or
    (n, …, classes), of which the largest counts, or class numbers in the labels' shape.
    Where a sample has several labels, its score is the share of them that is right.
    """

    name = "Accuracy"
    bounds = (0.0, 1.0)

    def __init__(self, threshold: float | None = None, axis: int | None = None) -> None:
        """
        Args:
            threshold: Predictions are scores of class 1 of 0 and 1 in the labels' shape,
                and it counts as predicted above this.
            axis: Of the predictions, where their classes are.
        """
        super().__init__()
        self.threshold, self.axis = threshold, axis

    def score(self, predictions: Any, labels: Any) -> npt.NDArray[np.float64]:
        """The share of each sample's labels that is predicted.

        Raises:
            DataError: Outputs and labels don't fit.
        """
        found, wanted = compared(
            predictions, labels, self.name, threshold=self.threshold, axis=self.axis
        )
        right = rows(found == wanted)
        return np.asarray(right.mean(axis=1), dtype=np.float64)
