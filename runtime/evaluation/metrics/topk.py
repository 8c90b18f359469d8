"""Top-k accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...common.errors import DataError
from .classification.classes import class_numbers
from .metric import MeanOverSamples
from .values import LABELS, OUTPUTS, Numbers, numbers


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
        outputs = numbers(predictions, OUTPUTS, f"{self.name} takes scores of classes")
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
        takes = f"{self.name} takes class numbers"
        found = numbers(labels, LABELS, takes)
        if found.shape == outputs.shape:
            found = _marked(found)
        classes = class_numbers(
            found.reshape(-1), len(outputs), outputs.shape[1], takes
        )
        rows = np.arange(len(outputs))
        own = outputs[rows, classes][:, None]
        before = np.arange(outputs.shape[1]) < classes[:, None]
        ahead = ((outputs > own) | ((outputs == own) & before)).sum(axis=1)
        right = (ahead < self.k) & ~np.isnan(own[:, 0])
        return np.asarray(right, dtype=np.float64)


def _marked(labels: Numbers) -> Numbers:
    """The class that each row of one-hot labels marks.

    Raises:
        DataError: A row marks none, or several.
    """
    most = labels.max(axis=1, keepdims=True)
    marks = ((labels == most) & (most > 0)).sum(axis=1)
    if (marks != 1).any():
        sample = int(np.flatnonzero(marks != 1)[0])
        many = "no class" if not marks[sample] else f"{marks[sample]} classes"
        raise DataError(
            f"the one-hot label of sample {sample} of a batch marks {many}",
            "One class a sample is judged: give each row one 1, or class numbers.",
        )
    return np.asarray(labels.argmax(axis=1))
