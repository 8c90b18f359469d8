"""What fresh processes and workers import by name: data, models and a metric."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from narrowcast.runtime.evaluation.metrics.mse import MSE


def of_some_lengths() -> Iterator[Any]:
    for length in (3, 7, 5):
        yield (np.ones((2, length), np.float32),), None


def some_batches() -> Iterator[Any]:
    yield ((1,), None)


class Count(MSE):
    """No scores by sample: workers hand the outputs over."""

    def update(self, predictions: Any, labels: Any) -> None:
        super().update(predictions, predictions)


def as_they_are() -> Any:
    return lambda inputs: inputs


def predictor(model: Any, inputs: Any = ()) -> Any:
    return model


def load_failing(path: Path) -> Any:
    """A saved model that fails on any inputs."""

    def predict(inputs: Any) -> Any:
        raise ValueError("no such size")

    return predict


def opened_and_called(load: Any, path: Path, x: Any) -> Any:
    """What a saved model gives, in a process that knows nothing of it."""
    return load(path)((x,))
