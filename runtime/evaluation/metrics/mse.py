"""Mean squared error."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ...common.errors import DataError
from .metric import MeanOverSamples


class MSE(MeanOverSamples):
    """The mean over samples of the squared difference from the label.

    Predictions and labels have one shape, (n, …), or differ by dimensions of size 1.

    Args:
        compare_label: Compare with the labels; false: with what the model as loaded
            gives for the same inputs, for which no labels are needed.
    """

    bounds = (0.0, math.inf)

    def __init__(self, compare_label: bool = True) -> None:
        super().__init__()
        self.compare_label = compare_label
        self.name = "MSE" if compare_label else "MSE to fp32"

    def score(self, predictions: Any, labels: Any) -> npt.NDArray[np.float64]:
        """The mean squared difference of each sample."""
        outputs = np.asarray(predictions, dtype=np.float64)
        wanted = np.asarray(labels, dtype=np.float64)
        if not outputs.ndim or _sizes(outputs) != _sizes(wanted):
            raise DataError(
                f"MSE needs labels of the outputs' shape {outputs.shape}, "
                f"the data has {wanted.shape}",
                "Check which columns or array of the data is the label.",
            )
        squares = np.square(outputs - wanted.reshape(outputs.shape))
        return np.asarray(squares.mean(axis=tuple(range(1, squares.ndim))))


def _sizes(array: npt.NDArray[np.float64]) -> tuple[int, ...]:
    """The shape without what dimensions of size 1 say."""
    return (*array.shape[:1], *(size for size in array.shape[1:] if size != 1))
