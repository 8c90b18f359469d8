"""Labels that are numbers of classes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError


def classes(
    labels: npt.NDArray[np.generic], count: int, where: str
) -> npt.NDArray[np.int64]:
    """Labels (samples,) as int64.

    Args:
        count: How many classes there are, from 0.
        where: The file, for messages.

    Raises:
        DataError: One is no whole number, or no class.
    """
    if labels.dtype.kind not in "iu":
        raise DataError(
            f"{where}: labels are {labels.dtype}",
            f"A label is a whole number from 0 to {count - 1}.",
        )
    found = labels.astype(np.int64)
    outside = np.flatnonzero((found < 0) | (found >= count))
    if len(outside):
        raise DataError(
            f"{where}: sample {outside[0]} has the label {labels[outside[0]]}",
            f"A label is a whole number from 0 to {count - 1}.",
        )
    return found
