"""The area under the ROC curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ....common.optional import optional
from ..metric import OfAllSamples
from ..values import LABELS, OUTPUTS, given_labels, numbers, one_output, rows
from .classes import REMEDY, Classes, class_numbers


class ROC(OfAllSamples):
    """The area under the ROC curve of a model of two classes, by scikit-learn.

    Predictions are the score of class 1, (n,) or (n, 1), or scores of both classes,
    (n, 2), whose difference counts. Labels are 0 and 1, (n,).
    """

    name = "ROC AUC"

    def __init__(self) -> None:
        self._scores: list[npt.NDArray[np.float64]] = []
        self._labels: list[Classes] = []
        self._library()

    def take(self, predictions: Any, labels: Any) -> None:
        takes = f"{self.name} takes 0 and 1"
        scores = _scores(one_output(predictions, self.name), self.name)
        wanted = numbers(given_labels(labels, self.name), LABELS, takes).reshape(-1)
        self._labels.append(class_numbers(wanted, len(scores), 2, takes))
        self._scores.append(scores)

    def forget(self) -> None:
        self._scores.clear()
        self._labels.clear()

    def value(self) -> float:
        """The area.

        Raises:
            DataError: All labels are of one class.
        """
        labels = np.concatenate(self._labels)
        if len(set(labels.tolist())) < 2:
            raise DataError(
                f"{self.name} needs samples of both classes, all {len(labels)} labels "
                f"are {labels[0]}",
                f"{REMEDY} Where evaluation.accuracy.iteration ends early, raise it.",
            )
        return float(
            self._library().roc_auc_score(labels, np.concatenate(self._scores))
        )

    def _library(self) -> Any:
        return optional("sklearn.metrics", self.name, "scikit-learn")


def _scores(predictions: Any, name: str) -> npt.NDArray[np.float64]:
    """How much each sample is of class 1, (n,).

    Raises:
        DataError: The outputs are no such scores.
    """
    takes = f"{name} takes one score, or those of two classes"
    outputs = numbers(predictions, OUTPUTS, takes).astype(np.float64)
    scores = rows(outputs)
    if scores.shape[1] == 1:
        return scores[:, 0]
    if scores.shape[1] != 2:
        raise DataError(
            f"{takes}: the model gives {outputs.shape}",
            "Choose a metric that fits the model's outputs.",
        )
    return np.asarray(scores[:, 1] - scores[:, 0])
