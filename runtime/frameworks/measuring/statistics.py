"""What a 16-bit format would do to the values of the calibration batch."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import astuple
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ...graph.formats import LIMITS
from ...graph.graph import Precision
from ...graph.rounding import rounded
from ..protocol import Statistics

Key = TypeVar("Key", bound=Hashable)


def described(value: npt.NDArray[np.float32], precision: Precision) -> Statistics:
    """What rounding to `precision` would do to the values of one fp32 tensor."""
    finite = value[np.isfinite(value)]
    if not finite.size:
        return Statistics(0.0, 0.0, 0.0, 0.0)
    limits, magnitudes = LIMITS[precision], np.abs(finite)
    largest = float(magnitudes.max())
    over = float(np.mean(magnitudes >= limits.overflow))
    nonzero = magnitudes > 0
    flushed = inexact = 0.0
    if nonzero.any():
        flushed = float(np.mean(magnitudes[nonzero] <= limits.flush))
    fractional = float(np.mean(finite != np.trunc(finite)))
    if limits.whole < largest < limits.overflow and not fractional:
        inexact = float(np.mean(rounded(finite, precision) != finite))
    return Statistics(largest, over, flushed, inexact, fractional)


def keep_worst(found: dict[Key, Statistics], key: Key, new: Statistics) -> None:
    """Add what is known of a tensor; of several iterations of a loop the worst."""
    before = found.get(key, new)
    found[key] = Statistics(*map(max, astuple(before), astuple(new)))
