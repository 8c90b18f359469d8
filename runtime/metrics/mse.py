"""Mean squared error."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .metric import MeanOverSamples


class MSE(MeanOverSamples):
    """The mean over samples of the squared difference from the label.

    Predictions and labels have one shape, (n, …), or differ by dimensions of size 1.
    """

    name = "MSE"

    def score(self, predictions: Any, labels: Any) -> npt.NDArray[np.float64]:
        """The mean squared difference of each sample."""
        outputs = np.asarray(predictions, dtype=np.float64)
        wanted = np.asarray(labels, dtype=np.float64)
        if outputs.size != wanted.size or len(outputs) != len(wanted):
            raise DataError(
                f"MSE needs labels of the outputs' shape {outputs.shape}, "
                f"the data has {wanted.shape}",
                "Check which columns or array of the data is the label.",
            )
        squares = np.square(
            outputs.reshape(len(outputs), -1) - wanted.reshape(len(wanted), -1)
        )
        return np.asarray(squares.mean(axis=1))
