"""Scales and zero points: what they leave of any value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.frameworks.quantizing.quantization import Integers
from narrowcast.runtime.frameworks.quantizing.scaling import (
    ENDS,
    bias_steps,
    integers,
    scale_of,
    weight_scales,
)

FINITE = st.floats(-(2.0**100), 2.0**100, width=32)
WANTED = st.sampled_from(
    [
        Integers(dtype, scheme)
        for dtype in ("int8", "uint8", "")
        for scheme in ("sym", "asym")
    ]
)
HALF = 0.5 * (1 + 1e-4)
"""Of a scale; fp32 rounds it too."""


@given(st.lists(FINITE, min_size=2, max_size=2), WANTED, st.floats(0, 1))
def test_a_value_within_the_range_is_off_by_half_a_scale(
    ends: list[float], wanted: Integers, share: float
) -> None:
    low, high = sorted(ends)
    scale = scale_of(low, high, wanted)
    least, most = ENDS[scale.dtype]
    assert scale.scale > 0 and least <= scale.zero_point <= most
    value = min(max(low + share * (high - low), low), high)
    for each in (value, low, high):
        step = min(max(round(each / scale.scale) + scale.zero_point, least), most)
        back = (step - scale.zero_point) * scale.scale
        assert abs(back - each) <= HALF * scale.scale


@given(st.lists(FINITE, min_size=2, max_size=2), WANTED)
def test_zero_is_exact(ends: list[float], wanted: Integers) -> None:
    scale = scale_of(min(ends), max(ends), wanted)
    assert isinstance(scale.zero_point, int)
    if wanted.scheme == "sym" and wanted.dtype:
        assert scale.zero_point == {"int8": 0, "uint8": 128}[wanted.dtype]


@pytest.mark.parametrize("wanted", [Integers("uint8", "asym"), Integers("int8", "sym")])
def test_an_empty_range_has_a_scale(wanted: Integers) -> None:
    for end in (0.0, 1e-44):
        assert scale_of(0.0, end, wanted).scale == 1.0


@given(st.integers(0, 2**32 - 1), st.sampled_from([None, 0, 1]), st.booleans())
def test_a_weight_is_off_by_half_a_scale(
    seed: int, axis: int | None, asymmetric: bool
) -> None:
    random = np.random.default_rng(seed)
    size = 10.0 ** random.integers(-20, 20, (6, 1))
    values = (random.standard_normal((6, 4)) * size).astype(np.float32)
    values[2] = 0
    how = weight_scales(values, axis, Integers("int8", "asym" if asymmetric else "sym"))
    made = integers(values, how)
    shape = [-1 if each == axis else 1 for each in range(2)]
    scales, zeros = how.scales.reshape(shape), how.zeros.reshape(shape)
    back = (made.astype(np.float64) - zeros) * scales
    assert (np.abs(back - values) <= HALF * scales).all()
    assert (back[2] == 0).all()
    assert asymmetric or not zeros.any()


def test_a_bias_fits_32_bits() -> None:
    values = np.array([[1e-9, -1e-9], [0.0, 0.0], [1.0, -1.0]], np.float32)
    bias = np.array([5.0, 0.3, 0.2], np.float32)
    step = np.float32(1e-6)
    how = weight_scales(values, 0, Integers("int8", "sym"), bias / step)
    scales = how.scales * step
    back = bias_steps(bias, scales) * scales.astype(np.float64)
    assert back == pytest.approx(bias, rel=1e-6)
