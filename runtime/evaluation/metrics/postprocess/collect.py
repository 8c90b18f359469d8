"""The first samples, as many as a later step has a use for."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..metric import Metric


class Collect:
    """The metric of the first `length` samples; those behind them count for nothing."""

    def __init__(self, metric: Metric, length: int = 10833) -> None:
        """
        Args:
            length: By default, the features of SQuAD 1.1's dev set for a BERT of 384
                tokens.
        """
        self.name = str(getattr(metric, "name", type(metric).__name__))
        self.compare_label = bool(getattr(metric, "compare_label", True))
        self._metric = metric
        self._length = length
        self._seen = 0

    def update(self, predictions: Any, labels: Any, /) -> None:
        left = self._length - self._seen
        outputs = predictions if isinstance(predictions, tuple) else (predictions,)
        count = len(outputs[0]) if np.ndim(outputs[0]) else 1
        self._seen += min(count, left)
        if count <= left:
            self._metric.update(predictions, labels)
        elif left:
            self._metric.update(_first(predictions, left), _first(labels, left))

    def reset(self) -> None:
        self._seen = 0
        self._metric.reset()

    def result(self) -> float:
        return self._metric.result()


def _first(values: Any, count: int) -> Any:
    """The first samples of a batch, of each part of a tuple."""
    if isinstance(values, tuple):
        return tuple(_first(each, count) for each in values)
    return values[:count] if isinstance(values, np.ndarray | list) else values
