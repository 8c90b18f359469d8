"""What a metric is: Neural Compressor's update, reset and result."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .values import finite, given_labels, one_output


class Metric(Protocol):
    """Gathers predictions and labels batch by batch and makes one number of them."""

    def update(self, predictions: Any, labels: Any, /) -> None:
        """Take one batch: an array, or a tuple of arrays if the model has several
        outputs, and the labels as the data gives them."""
        ...

    def reset(self) -> None: ...

    def result(self) -> float: ...


class _Scores:
    """Scores batch by batch, in one array that has room for as many again: all of them
    can be looked at after each batch, a million samples' too."""

    def __init__(self) -> None:
        self._room: npt.NDArray[np.float64] = np.empty(0)
        self._count = 0

    def add(self, scores: npt.NDArray[np.float64]) -> None:
        end = self._count + len(scores)
        if end > len(self._room):
            room = np.empty(2 * end)
            room[: self._count] = self.so_far
            self._room = room
        self._room[self._count : end] = scores
        self._count = end

    @property
    def so_far(self) -> npt.NDArray[np.float64]:
        """Those of all samples, shape (n,); it stays as it is when more come."""
        return self._room[: self._count]


class MeanOverSamples(ABC):
    """A metric that is the mean of one score per sample.

    Attributes:
        bounds: The least and the largest that a score can be, infinite where nothing
            holds it; None says nothing, and no trial is ended early by its scores.
    """

    name: str
    bounds: tuple[float, float] | None = None

    def __init__(self) -> None:
        self._scores = _Scores()

    @abstractmethod
    def score(self, predictions: Any, labels: Any) -> npt.NDArray[np.float64]:
        """One score per sample, shape (n,)."""

    def update(self, predictions: Any, labels: Any, /) -> None:
        """Score one batch.

        Raises:
            DataError: The model has several outputs, or the data no labels.
        """
        output = one_output(predictions, self.name)
        self._scores.add(self.score(output, given_labels(labels, self.name)))

    def add(self, scores: npt.NDArray[np.float64]) -> None:
        """Take the scores of one batch, shape (n,), that were computed elsewhere."""
        self._scores.add(scores)

    def reset(self) -> None:
        self._scores = _Scores()

    def result(self) -> float:
        return float(self.scores().mean())

    def scores(self) -> npt.NDArray[np.float64]:
        """The scores of all samples so far, in order, shape (n,)."""
        return self._scores.so_far


class OfAllSamples(ABC):
    """A metric of all samples together: of a corpus, not a mean of what each one gives.

    NaN once outputs are not finite: then nothing more is looked at.
    """

    name: str
    _finite = True

    @abstractmethod
    def take(self, predictions: Any, labels: Any) -> None:
        """Keep of one batch what the result needs."""

    @abstractmethod
    def forget(self) -> None:
        """Keep nothing."""

    @abstractmethod
    def value(self) -> float:
        """The result of what was kept."""

    def update(self, predictions: Any, labels: Any, /) -> None:
        """Take one batch.

        Raises:
            DataError: Predictions or labels are not what the metric takes.
        """
        outputs = predictions if isinstance(predictions, tuple) else (predictions,)
        self._finite = self._finite and all(map(finite, outputs))
        if self._finite:
            self.take(predictions, labels)

    def reset(self) -> None:
        self._finite = True
        self.forget()

    def result(self) -> float:
        """The metric.

        Raises:
            DataError: The labels of all samples together leave it undefined.
        """
        return self.value() if self._finite else math.nan
