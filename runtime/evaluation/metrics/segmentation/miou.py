"""Mean intersection over union."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ..metric import OfAllSamples
from ..values import LABELS, OUTPUTS, Numbers, given_labels, numbers, one_output, whole
from ..values import sizes as sizes_of


class MIoU(OfAllSamples):
    """The mean over classes of intersection over union, of the pixels of all images.

    Labels are class numbers (n, height, width); pixels of other numbers, such as 255,
    count for nothing. Predictions are class numbers in that shape, or scores with an
    axis of `num_classes` behind the first or at the end. Classes that neither labels nor
    predictions show are left out of the mean.
    """

    name = "mIOU"

    def __init__(self, num_classes: int = 21) -> None:
        self.num_classes = num_classes
        self.forget()

    def take(self, predictions: Any, labels: Any) -> None:
        takes = f"{self.name} takes maps of class numbers"
        wanted = numbers(given_labels(labels, self.name), LABELS, takes)
        outputs = numbers(one_output(predictions, self.name), OUTPUTS, takes)
        found = self._classes(outputs, wanted).reshape(-1)
        known = whole(wanted, LABELS, takes).reshape(-1)
        judged = (known >= 0) & (known < self.num_classes)
        found, known = found[judged], known[judged]
        other = (found < 0) | (found >= self.num_classes)
        found = np.where(other, self.num_classes, found)
        wide = self.num_classes + 1
        counts = np.bincount(known * wide + found, minlength=self.num_classes * wide)
        self._counts += counts.reshape(self.num_classes, wide)

    def forget(self) -> None:
        shape = self.num_classes, self.num_classes + 1
        self._counts: npt.NDArray[np.int64] = np.zeros(shape, np.int64)

    def value(self) -> float:
        """The mean; NaN where no pixel has a class.

        The last column counts predictions that are no class: they are wrong.
        """
        within = self._counts[:, : self.num_classes]
        both = np.diag(within)
        either = self._counts.sum(axis=1) + within.sum(axis=0) - both
        seen = either > 0
        return float(np.mean(both[seen] / either[seen])) if seen.any() else math.nan

    def _classes(self, outputs: Numbers, labels: Numbers) -> npt.NDArray[np.int64]:
        """The predicted class of each pixel, in the labels' shape up to sizes of 1.

        Raises:
            DataError: The shapes don't fit, or fit in two ways.
        """
        shape = sizes_of(labels.shape)
        if sizes_of(outputs.shape) == shape:
            return whole(outputs, OUTPUTS, f"{self.name} takes maps of class numbers")
        fits = [
            axis
            for axis in {1, outputs.ndim - 1}
            if outputs.ndim > 2
            and outputs.shape[axis] == self.num_classes
            and sizes_of(np.delete(outputs.shape, axis).tolist()) == shape
        ]
        if len(fits) != 1:
            doubt = "both axes fit" if fits else "none fits"
            raise DataError(
                f"{self.name} takes maps of class numbers in the labels' shape "
                f"{labels.shape}, or with an axis of {self.num_classes} classes: the "
                f"model gives {outputs.shape}, {doubt}",
                "Check num_classes and which array of the data is the label.",
            )
        return np.asarray(outputs.argmax(axis=fits[0]))
