"""Root of the mean squared error."""

from __future__ import annotations

import math
from typing import Any

from ..mse import MSE
from .errors import named


class RMSE:
    """The root of `MSE` over all samples; no mean over samples itself."""

    def __init__(self, compare_label: bool = True) -> None:
        """
        Args:
            compare_label: As `MSE` has it.
        """
        self.name = named("RMSE", compare_label)
        self.compare_label = compare_label
        self._mse = MSE(compare_label)
        self._mse.name = self.name

    def update(self, predictions: Any, labels: Any, /) -> None:
        self._mse.update(predictions, labels)

    def reset(self) -> None:
        self._mse.reset()

    def result(self) -> float:
        return math.sqrt(self._mse.result())
