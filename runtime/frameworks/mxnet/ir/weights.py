"""Weights in a 16-bit format, as files hold them."""

from __future__ import annotations

import numpy as np

from ....graph.graph import Precision
from ....graph.rounding import bf16_bits, within_range
from .arrays import BF16, Values


def stored(values: Values, precision: Precision) -> Values:
    """A constant as files hold it: fp32 cast to `precision`, within its range."""
    if values.dtype != np.float32 or precision is Precision.FP32:
        return values
    fitting = within_range(values, precision)
    if precision is Precision.FP16:
        return fitting.astype(np.float16)
    return bf16_bits(fitting).view(BF16)
