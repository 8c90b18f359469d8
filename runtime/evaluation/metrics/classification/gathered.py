"""Predicted and wanted classes of all samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....common.optional import optional
from ..metric import OfAllSamples
from ..values import given_labels, one_output
from .classes import Classes, compared


class Gathered(OfAllSamples):
    """A metric of scikit-learn's over class numbers.

    Labels are class numbers (n,); predictions scores (n, classes) or class numbers (n,).
    """

    threshold: float | None = None
    axis: int | None = None

    def __init__(self) -> None:
        self._found: list[Classes] = []
        self._wanted: list[Classes] = []
        self.library()

    def library(self) -> Any:
        """scikit-learn's metrics.

        Raises:
            RequirementError: It is not installed.
        """
        return optional("sklearn.metrics", self.name, "scikit-learn")

    def take(self, predictions: Any, labels: Any) -> None:
        output = one_output(predictions, self.name)
        found, wanted = compared(
            output,
            given_labels(labels, self.name),
            self.name,
            threshold=self.threshold,
            axis=self.axis,
        )
        self._found.append(found)
        self._wanted.append(wanted)

    def forget(self) -> None:
        self._found.clear()
        self._wanted.clear()

    def classes(self) -> tuple[Classes, Classes]:
        """Of all samples: wanted and found."""
        return np.concatenate(self._wanted), np.concatenate(self._found)
