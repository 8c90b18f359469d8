"""Correlation of outputs with labels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ....common.errors import DataError
from ..metric import OfAllSamples
from ..values import LABELS, OUTPUTS, given_labels, numbers, one_output
from .errors import Floats


class Correlation(OfAllSamples):
    """The mean of Pearson's and Spearman's correlation, which GLUE judges STS-B by.

    Predictions and labels are one number for each sample.
    """

    name = "Correlation"

    def __init__(self) -> None:
        self._found: list[Floats] = []
        self._wanted: list[Floats] = []

    def take(self, predictions: Any, labels: Any) -> None:
        takes = f"{self.name} takes one number a sample"
        output = one_output(predictions, self.name)
        found = numbers(output, OUTPUTS, takes).astype(np.float64)
        wanted = numbers(given_labels(labels, self.name), LABELS, takes)
        count = len(found) if found.ndim else 0
        if not count == found.size == wanted.size:
            raise DataError(
                f"{takes}: the model gives {found.shape}, the data has {wanted.shape}",
                "Choose a metric that fits the model's outputs.",
            )
        self._found.append(found.reshape(-1))
        self._wanted.append(wanted.astype(np.float64).reshape(-1))

    def forget(self) -> None:
        self._found.clear()
        self._wanted.clear()

    def value(self) -> float:
        """The mean of both; NaN where one side is constant."""
        found, wanted = np.concatenate(self._found), np.concatenate(self._wanted)
        return (pearson(found, wanted) + pearson(ranks(found), ranks(wanted))) / 2


def pearson(a: Floats, b: Floats) -> float:
    """Pearson's correlation of two vectors; NaN where one is constant."""
    a, b = a - a.mean(), b - b.mean()
    scale = math.sqrt(float(a @ a)) * math.sqrt(float(b @ b))
    return float(a @ b) / scale if scale else math.nan


def ranks(values: Floats) -> Floats:
    """Ranks from 1; equal values share the mean of theirs, as Spearman has it."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[place])
