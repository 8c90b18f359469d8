"""What the 16-bit formats hold, against NumPy's float16 and bf16's definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.graph.formats import LIMITS
from narrowcast.runtime.graph.graph import Precision

BF16, FP16 = Precision.BF16, Precision.FP16


def rounded(value: float, precision: Precision) -> float:
    """An fp32 value in `precision`, to nearest, ties to even."""
    with np.errstate(over="ignore"):
        wide = np.float32(value)
        if precision is FP16:
            return float(np.float16(wide))
        bits = int(wide.view(np.uint32))
        bits += 0x7FFF + (bits >> 16 & 1)
        return float(np.uint32(bits & 0xFFFF0000).view(np.float32))


def neighbours(value: float) -> list[float]:
    below, above = (
        np.nextafter(np.float32(value), np.float32(to)) for to in (0, np.inf)
    )
    return [float(below), value, float(above)]


EDGES = [
    near
    for limits in LIMITS.values()
    for edge in (limits.largest, limits.overflow, limits.flush, limits.whole)
    for near in neighbours(edge)
    if np.isfinite(near)
]
VALUES = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=0),
    st.sampled_from(EDGES),
)
LOW = pytest.mark.parametrize("precision", [BF16, FP16])


@LOW
@given(value=VALUES)
def test_what_overflows_and_what_becomes_zero(
    precision: Precision, value: float
) -> None:
    limits, found = LIMITS[precision], rounded(value, precision)
    assert np.isinf(found) == (value >= limits.overflow)
    assert (found == 0) == (value <= limits.flush)
    assert np.isinf(found) or found <= limits.largest


@LOW
def test_the_largest_value_is_held(precision: Precision) -> None:
    largest = LIMITS[precision].largest
    assert rounded(largest, precision) == largest


@LOW
def test_whole_numbers_are_exact_up_to_the_limit_and_not_beyond(
    precision: Precision,
) -> None:
    limit = LIMITS[precision].whole
    assert all(rounded(k, precision) == k for k in range(limit + 1))
    assert rounded(limit + 1, precision) != limit + 1
