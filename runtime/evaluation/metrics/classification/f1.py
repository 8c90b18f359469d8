"""F1."""

from __future__ import annotations

import numpy as np

from ....common.errors import DataError
from .gathered import Gathered


class F1(Gathered):
    """The harmonic mean of precision and recall, by scikit-learn's `f1_score`.

    Where outputs are class numbers, labels may also be several per sample, (n, labels)
    of 0 and 1.
    """

    name = "F1"

    def __init__(
        self,
        average: str = "binary",
        threshold: float | None = None,
        axis: int | None = None,
    ) -> None:
        """
        Args:
            average: Over classes, as scikit-learn has it: "binary" is the F1 of class 1
                where there are 0 and 1, "macro" the mean over classes, "micro" that of
                all together, "weighted" by the classes' samples, "samples" the mean
                over samples that have several labels each.
            threshold: As for Accuracy.
            axis: Likewise.
        """
        self.average, self.threshold, self.axis = average, threshold, axis
        super().__init__()

    def value(self) -> float:
        """F1 of all samples.

        Raises:
            DataError: There are more classes than 0 and 1 for "binary", or one label a
                sample for "samples".
        """
        wanted, found = self.classes()
        most = int(max(wanted.max(), found.max()))
        several = wanted.ndim > 1
        if self.average == "binary" and (most > 1 or several):
            what = "several labels a sample" if several else f"classes up to {most}"
            raise DataError(
                f"F1 of two classes takes 0 and 1, the data has {what}",
                "Write how to average over classes: `F1: {average: macro}`.",
            )
        if self.average == "samples" and not several:
            raise DataError(
                "F1: average: samples takes several labels a sample, the data has one",
                "Write `F1: {average: macro}`, or another mean over classes.",
            )
        score = self.library().f1_score
        return float(
            np.mean(score(wanted, found, average=self.average, zero_division=0))
        )
