"""Labels that count from another number than the model's classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..metric import MeanOverSamples, Metric
from ..values import LABELS, numbers


def shifted(metric: Metric, shift: int) -> Metric:
    """The metric, of labels less `shift`.

    Returns:
        A mean over samples where the metric is one; the metric itself where it reads no
        labels but fp32's outputs.
    """
    if not getattr(metric, "compare_label", True):
        return metric
    if isinstance(metric, MeanOverSamples):
        return _ShiftedMean(metric, shift)
    return _Shifted(metric, shift)


class _Shifted:
    """Labels are shifted before the metric sees them."""

    def __init__(self, metric: Metric, shift: int) -> None:
        self.name = str(getattr(metric, "name", type(metric).__name__))
        self._metric = metric
        self._shift = shift

    def update(self, predictions: Any, labels: Any, /) -> None:
        self._metric.update(predictions, less(labels, self._shift))

    def reset(self) -> None:
        self._metric.reset()

    def result(self) -> float:
        return self._metric.result()


class _ShiftedMean(MeanOverSamples):
    """As `_Shifted`, with the scores of a mean over samples."""

    def __init__(self, metric: MeanOverSamples, shift: int) -> None:
        self.name, self.bounds = metric.name, metric.bounds
        self._metric = metric
        self._shift = shift

    def update(self, predictions: Any, labels: Any, /) -> None:
        self._metric.update(predictions, less(labels, self._shift))

    def score(self, predictions: Any, labels: Any) -> npt.NDArray[np.float64]:
        return self._metric.score(predictions, less(labels, self._shift))

    def add(self, scores: npt.NDArray[np.float64]) -> None:
        self._metric.add(scores)

    def reset(self) -> None:
        self._metric.reset()

    def scores(self) -> npt.NDArray[np.float64]:
        return self._metric.scores()


def less(labels: Any, shift: int) -> Any:
    """Labels less `shift`: all parts of a tuple; None stays.

    Raises:
        DataError: They are no numbers.
    """
    if labels is None:
        return None
    if isinstance(labels, tuple):
        return tuple(less(each, shift) for each in labels)
    found = numbers(labels, LABELS, "LabelShift takes class numbers")
    if found.dtype.kind in "bu":  # below 0 there would be no number
        found = found.astype(np.int64)
    return found - shift
