"""What a metric is: Neural Compressor's update, reset and result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ...common.errors import DataError


class Metric(Protocol):
    """Gathers predictions and labels batch by batch and makes one number of them."""

    def update(self, predictions: Any, labels: Any, /) -> None:
        """Take one batch: an array, or a tuple of arrays if the model has several
        outputs, and the labels as the data gives them."""
        ...

    def reset(self) -> None: ...

    def result(self) -> float: ...


class MeanOverSamples(ABC):
    """A metric that is the mean of one score per sample.

    Attributes:
        bounds: The least and the largest that a score can be, infinite where nothing
            holds it; None says nothing, and no trial is ended early by its scores.
    """

    name: str
    bounds: tuple[float, float] | None = None

    def __init__(self) -> None:
        self._scores: list[npt.NDArray[np.float64]] = []

    @abstractmethod
    def score(self, predictions: Any, labels: Any) -> npt.NDArray[np.float64]:
        """One score per sample, shape (n,)."""

    def update(self, predictions: Any, labels: Any, /) -> None:
        """Score one batch.

        Raises:
            DataError: The model has several outputs, or the data no labels.
        """
        if isinstance(predictions, tuple):
            raise DataError(
                f"{self.name} scores one output, the model has {len(predictions)}",
                "Use a metric of your own that takes them all.",
            )
        if labels is None:
            raise DataError(
                f"{self.name} needs labels, the data has none",
                "Say in the spec which column or array of the data is the label.",
            )
        self._scores.append(self.score(predictions, labels))

    def add(self, scores: npt.NDArray[np.float64]) -> None:
        """Take the scores of one batch, shape (n,), that were computed elsewhere."""
        self._scores.append(scores)

    def reset(self) -> None:
        self._scores.clear()

    def result(self) -> float:
        return float(self.scores().mean())

    def scores(self) -> npt.NDArray[np.float64]:
        """The scores of all samples so far, in order, shape (n,)."""
        return np.concatenate(self._scores) if self._scores else np.zeros(0)
