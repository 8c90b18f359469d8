"""Measures of how far one output drifted from fp32's own: no label is needed.

Each is a metric of one output: `update(found, fp32)` takes arrays of one shape, whose
first axis is the samples, (n, …). All is computed in float64, batch by batch.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ...common.errors import MetricError
from ..metrics.metric import MeanOverSamples
from ..metrics.part import MOST_DECIBELS

Floats = npt.NDArray[np.float64]

LEAST_PROBABILITY = 1e-12
"""What a probability is taken to be at least, so that no logarithm is infinite."""

PROBABLY = 1e-3
"""How far from 1 numbers may sum up that are taken for probabilities."""


class Agreement(MeanOverSamples):
    """The share of places where the largest of the classes is the one that fp32 has.

    The mean over samples of the share of a sample's places, (n, classes) being one place
    for each sample, (n, tokens, classes) as many as there are tokens. Of whole numbers,
    words and truth values, which have no largest, the share that is equal.

    Args:
        axis: The axis of the classes; -1 is the last.
    """

    name = "agreement"
    bounds = (0.0, 1.0)

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis = axis

    def score(self, predictions: Any, labels: Any) -> Floats:
        """The share of each sample's places that agree, 0 to 1."""
        found, fp32 = same_shape(predictions, labels)
        if fp32.dtype.kind in "fc":
            found, fp32 = found.argmax(self.axis), fp32.argmax(self.axis)
        return np.asarray(_rows(found == fp32).mean(axis=1))


class Cosine(MeanOverSamples):
    """The mean over samples of the cosine of a sample's output and fp32's.

    sum(a b) / (|a| |b|) over all of the sample's numbers; 1 where both are all zero, 0
    where one is.
    """

    name = "cosine"
    bounds = (-1.0, 1.0)

    def score(self, predictions: Any, labels: Any) -> Floats:
        """The cosine of each sample, -1 to 1."""
        return _cosines(predictions, labels)


class Divergence(MeanOverSamples):
    """Kullback-Leibler divergence from fp32's probabilities: sum p (ln p - ln q), in nats.

    The mean over samples of the mean over a sample's places. Numbers of fp32's that are
    not negative and sum up to 1 are probabilities; others are logits, of which softmax
    makes them, on both sides. A probability counts as 1e-12 at least.

    Args:
        axis: The axis of the classes; -1 is the last.
    """

    name = "KL"
    bounds = (0.0, math.inf)

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis = axis

    def score(self, predictions: Any, labels: Any) -> Floats:
        """The divergence of each sample in nats, 0 or more."""
        found, fp32 = same_shape(predictions, labels)
        q, p = (
            np.moveaxis(each.astype(np.float64), self.axis, -1)
            for each in (found, fp32)
        )
        known = (p >= 0).all(-1) & (np.abs(p.sum(-1) - 1) < PROBABLY)
        p, q = (_probabilities(each, known[..., None]) for each in (p, q))
        places = np.maximum((p * (np.log(p) - np.log(q))).sum(-1), 0.0)
        return np.asarray(_rows(places).mean(axis=1))


def _probabilities(numbers: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    with np.errstate(invalid="ignore", over="ignore"):
        powers = np.exp(numbers - numbers.max(-1, keepdims=True))
        weights = np.maximum(np.where(known, numbers, powers), 0.0)
        made = np.maximum(weights / weights.sum(-1, keepdims=True), LEAST_PROBABILITY)
        return np.asarray(made / made.sum(-1, keepdims=True))


class LeastCosine:
    """The cosine of the sample that has the least: `Cosine` of the worst.

    0 at most where one is not finite: it points nowhere.
    """

    name = "least cosine"

    def __init__(self) -> None:
        self.least = 1.0

    @property
    def can_become(self) -> tuple[float, float]:
        """What it can still become: samples to come only lower it."""
        return -1.0, self.least

    def update(self, predictions: Any, labels: Any, /) -> None:
        """Take one batch."""
        cosines = np.nan_to_num(_cosines(predictions, labels), nan=0.0)
        self.least = min(self.least, float(cosines.min(initial=1.0)))

    def reset(self) -> None:
        self.least = 1.0

    def result(self) -> float:
        return self.least


class LargestError:
    """The largest difference of any number from fp32's, in the output's own unit.

    Infinite where one is NaN.
    """

    name = "largest error"

    def __init__(self) -> None:
        self.largest = 0.0

    @property
    def can_become(self) -> tuple[float, float]:
        """What it can still become: samples to come only raise it."""
        return self.largest, math.inf

    def update(self, predictions: Any, labels: Any, /) -> None:
        """Take one batch."""
        found, fp32 = _doubles(predictions, labels)
        with np.errstate(invalid="ignore"):
            most = float(np.abs(found - fp32).max(initial=0.0))
        self.largest = max(self.largest, math.inf if math.isnan(most) else most)

    def reset(self) -> None:
        self.largest = 0.0

    def result(self) -> float:
        return self.largest


class RelativeError:
    """RMS of the difference over the RMS of fp32's output, of all numbers of all samples.

    0 where nothing differs; infinite where fp32's are all zero and something does.
    """

    name = "relative error"

    def __init__(self) -> None:
        self.noise = self.signal = 0.0

    def update(self, predictions: Any, labels: Any, /) -> None:
        """Take one batch."""
        found, fp32 = _doubles(predictions, labels)
        with np.errstate(invalid="ignore", over="ignore"):
            self.noise += float(np.square(found - fp32).sum())
            self.signal += float(np.square(fp32).sum())

    def reset(self) -> None:
        self.noise = self.signal = 0.0

    def result(self) -> float:
        if not self.noise:
            return 0.0
        return math.sqrt(self.noise / self.signal) if self.signal else math.inf


class SQNR(RelativeError):
    """Signal to quantisation noise in dB: 10 log10(sum fp32² / sum (found - fp32)²).

    Of all numbers of all samples; from -300 to 300, which is said where nothing differs.
    """

    name = "SQNR"

    def result(self) -> float:
        error = super().result()
        if not error or math.isinf(error):
            return MOST_DECIBELS if not error else -MOST_DECIBELS
        decibels = -20 * math.log10(error) if not math.isnan(error) else math.nan
        return min(max(decibels, -MOST_DECIBELS), MOST_DECIBELS)


def same_shape(
    predictions: Any, labels: Any
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Both as arrays of one shape.

    Raises:
        MetricError: Their shapes differ.
    """
    found, fp32 = np.asarray(predictions), np.asarray(labels)
    if found.shape != fp32.shape:
        raise MetricError(
            f"the output has shape {found.shape}, fp32's has {fp32.shape}",
            "Outputs whose sizes depend on values can't be compared with fp32's: judge "
            "by a metric of your own.",
        )
    return found, fp32


def _doubles(predictions: Any, labels: Any) -> tuple[Floats, Floats]:
    found, fp32 = same_shape(predictions, labels)
    return found.astype(np.float64), fp32.astype(np.float64)


def _rows(array: npt.NDArray[Any]) -> Floats:
    """Shape (n, numbers of one sample); what has no samples is one."""
    shape = (len(array), math.prod(array.shape[1:])) if array.ndim else (1, 1)
    return np.reshape(array, shape).astype(np.float64)


def _cosines(predictions: Any, labels: Any) -> Floats:
    found, fp32 = map(_rows, same_shape(predictions, labels))
    lengths = np.linalg.norm(found, axis=1), np.linalg.norm(fp32, axis=1)
    product, both = (found * fp32).sum(axis=1), lengths[0] * lengths[1]
    empty = np.where((lengths[0] == 0) & (lengths[1] == 0), 1.0, 0.0)
    cosine = np.divide(product, both, out=empty, where=both > 0)
    return np.asarray(np.clip(cosine, -1.0, 1.0))
