"""Top-k accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...common.errors import DataError
from .metric import MeanOverSamples


class TopK(MeanOverSamples):
    """The share of samples whose label is among the k largest outputs.

    Predictions have shape (n, classes); labels are class numbers (n,) or one-hot
    (n, classes). Equal outputs rank by class number, as argmax does; a NaN is never
    among the largest.
    """

    bounds = (0.0, 1.0)

    def __init__(self, k: int = 1) -> None:
        super().__init__()
        self.k = k
        self.name = f"top-{k}"

    def score(self, predictions: Any, labels: Any) -> npt.NDArray[np.float64]:
        """1.0 where the label is among the k largest, else 0.0.

        Raises:
            DataError: Outputs and labels don't fit, or k is no less than the classes.
        """
        outputs = np.asarray(predictions)
        if outputs.ndim != 2:
            raise DataError(
                f"top-k needs outputs (n, classes), the model gives {outputs.shape}",
                "Choose a metric that fits the model's outputs.",
            )
        if self.k >= outputs.shape[1]:
            raise DataError(
                f"{self.name} of {outputs.shape[1]} classes is 1 whatever the model gives",
                f"Write a k below {outputs.shape[1]}: as it is, nothing is judged.",
            )
        classes = class_numbers(np.asarray(labels), outputs.shape)
        rows = np.arange(len(outputs))
        own = outputs[rows, classes][:, None]
        before = np.arange(outputs.shape[1]) < classes[:, None]
        ahead = ((outputs > own) | ((outputs == own) & before)).sum(axis=1)
        right = (ahead < self.k) & ~np.isnan(own[:, 0])
        return np.asarray(right, dtype=np.float64)


def class_numbers(
    labels: npt.NDArray[Any], shape: tuple[int, ...]
) -> npt.NDArray[np.int64]:
    """Labels as class numbers (n,), checked against outputs of `shape` (n, classes).

    Raises:
        DataError: Their number differs, or they are no numbers of classes.
    """
    found = labels.argmax(axis=1) if labels.shape == shape else labels.reshape(-1)
    remedy = "Check which column or array of the data is the label."
    if len(found) != shape[0]:
        raise DataError(f"{len(found)} labels for {shape[0]} samples", remedy)
    if not np.array_equal(found, np.floor(found)):
        raise DataError("labels are not whole numbers", remedy)
    numbers = found.astype(np.int64)
    if len(numbers) and not (numbers.min() >= 0 and numbers.max() < shape[1]):
        raise DataError(
            f"labels run from {numbers.min()} to {numbers.max()}, "
            f"the model has {shape[1]} classes",
            remedy,
        )
    return numbers
