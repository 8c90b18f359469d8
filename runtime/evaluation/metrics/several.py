"""Several metrics of one evaluation: each by its own criterion, or a mean of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .calling import metric_name, metric_part, update_metric
from .metric import Metric
from .part import Part


class Several:
    """Metrics that are judged each by its own criterion: no number stands for all."""

    name = "several metrics"

    def __init__(self, *metrics: Metric) -> None:
        self.metrics: Sequence[Metric] = metrics

    def update(self, predictions: Any, labels: Any, /) -> None:
        """Let each see the batch."""
        outputs = predictions if isinstance(predictions, tuple) else (predictions,)
        for metric in self.metrics:
            update_metric(metric, outputs, labels)

    def reset(self) -> None:
        for metric in self.metrics:
            metric.reset()

    def result(self) -> float:
        """NaN: nothing is one number for all of them."""
        return math.nan

    def parts(self) -> tuple[Part, ...]:
        """What each gives."""
        return tuple(map(metric_part, self.metrics))


class Weighted(Several):
    """The mean of the metrics' values, each multiplied by its weight.

    As in Neural Compressor, the sum of the products is divided by how many they are,
    not by the sum of the weights: of weights that add up to that, it is the usual mean.

    Args:
        metrics: The metrics.
        weights: One for each.
    """

    def __init__(self, metrics: Sequence[Metric], weights: Sequence[float]) -> None:
        super().__init__(*metrics)
        self.weights = tuple(weights)

    @property
    def name(self) -> str:  # type: ignore[override]
        """What the mean is of: of products, which no mean of the metrics is."""
        pairs = zip(self.metrics, self.weights, strict=True)
        products = (f"{metric_name(each)} x {weight:g}" for each, weight in pairs)
        return f"mean of {', '.join(products)}"

    def result(self) -> float:
        values = [part.value for part in self.parts()]
        return float(np.mean(np.multiply(values, self.weights)))
