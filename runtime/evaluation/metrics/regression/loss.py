"""The model's own loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....common.errors import DataError
from ..metric import MeanOverSamples
from ..values import OUTPUTS, numbers, one_output, rows
from .errors import Floats


class Loss(MeanOverSamples):
    """The mean of what a model gives that computes its own loss; labels are not read.

    Predictions have shape (n,); of more, (n, …), a sample's loss is the sum. One number
    for a batch, shape (), counts as one sample.
    """

    name = "Loss"

    def update(self, predictions: Any, labels: Any, /) -> None:
        """Score one batch, with labels or without."""
        self.add(self.score(one_output(predictions, self.name), labels))

    def score(self, predictions: Any, labels: Any) -> Floats:
        """Each sample's loss.

        Raises:
            DataError: The batch has no sample.
        """
        losses = numbers(predictions, OUTPUTS, f"{self.name} takes numbers")
        if not losses.size:
            raise DataError(
                f"{self.name} takes a loss for each sample, the model gives "
                f"{losses.shape}",
                "Choose a metric that fits the model's outputs.",
            )
        return np.asarray(rows(losses).astype(np.float64).sum(axis=1))
