"""Rounding to 16 bits against the formats' definitions, and what is said of values."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.frameworks.comparing import compared, relative_error
from narrowcast.runtime.frameworks.measuring.statistics import described
from narrowcast.runtime.graph.formats import LIMITS
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.graph.rounding import (
    bf16_bits,
    from_bf16_bits,
    rounded,
    within_range,
)

BF16, FP16, FP32 = Precision.BF16, Precision.FP16, Precision.FP32
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


def nearest_bf16(value: float) -> float:
    """By search among the neighbours: least distance, then the even last bit."""
    bits = int(np.float32(value).view(np.uint32)) >> 16
    exact = Fraction(value)

    def number(bits: int) -> Fraction:
        # The step beyond the largest finite value stands for infinity.
        if bits & 0x7FFF == 0x7F80:
            return Fraction(2) ** 128 * (-1 if bits & 0x8000 else 1)
        return Fraction(float(np.uint32(bits << 16).view(np.float32)))

    best = min((bits, bits + 1), key=lambda b: (abs(number(b) - exact), b & 1))
    return float(np.uint32(best << 16).view(np.float32))


@given(FLOATS)
def test_bf16_is_the_nearest_value_and_even_in_a_tie(value: float) -> None:
    found = rounded(np.array([value], np.float32), BF16)
    assert found[0] == np.float32(nearest_bf16(float(np.float32(value))))


def test_values_that_bf16_holds_come_back_unchanged_whatever_the_shape() -> None:
    every = np.arange(2**16, dtype=np.uint16).reshape(256, 256)
    values = from_bf16_bits(every)
    again = bf16_bits(values)
    numbers = ~np.isnan(values)
    assert np.array_equal(again[numbers], every[numbers])
    assert np.isnan(from_bf16_bits(again)[~numbers]).all()
    assert bf16_bits(np.float32(1.0).reshape(())).shape == ()


@pytest.mark.parametrize("precision", [BF16, FP16])
def test_a_constant_is_stored_within_range_and_an_infinity_stays(
    precision: Precision,
) -> None:
    values = np.array([-np.inf, -3.4e38, -np.inf, 1.0, np.inf, 3.4028e38], np.float32)
    stored = rounded(within_range(values, precision), precision)
    assert np.array_equal(np.isinf(stored), np.isinf(values))
    assert stored[1] == -LIMITS[precision].largest
    assert stored[3] == 1.0


def test_statistics_tell_overflow_flush_and_rounded_whole_numbers() -> None:
    found = described(np.array([1e5, 1.0, 0.0, 1e-9], np.float32), FP16)
    assert (found.largest, found.overflow) == (1e5, 0.25)
    assert found.flushed == pytest.approx(1 / 3)
    whole = described(np.arange(513, dtype=np.float32), BF16)
    assert whole.inexact == pytest.approx(128 / 513)
    assert described(np.zeros((0, 3), np.float32), BF16).largest == 0.0


def test_a_kernel_is_known_by_what_it_returns() -> None:
    wide = (np.array([1.0, 2.0], np.float32), np.array([3], np.int64))
    good = compared(wide, (rounded(wide[0], BF16), wide[1]), (BF16, None), BF16)
    assert (good.output, good.error) == (BF16, 0.0)
    assert compared(wide, wide, (FP32, None), BF16).output is FP32
    other = compared(wide, wide, (FP16, None), BF16)
    assert other.output is None and "fp16" in other.message


def test_an_error_is_infinite_only_where_fp32_is_finite() -> None:
    mask = np.array([-np.inf, 1.0], np.float32)
    assert relative_error(mask, mask) == 0.0
    assert relative_error(np.ones(2, np.float32), mask) == np.inf
    assert relative_error(np.ones(2, np.float32), np.ones(3, np.float32)) == np.inf
