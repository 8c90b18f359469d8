"""Each model of the zoo converts, and is as far off as 16-bit rounding makes it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.graph.graph import Kind, Precision

LOW = [Precision.BF16, Precision.FP16]
BOUND = {Precision.BF16: 2e-2, Precision.FP16: 3e-3}


@pytest.mark.parametrize("low", LOW)
def test_all_low_computes_what_the_model_computes(
    case: Any, traced: Any, all_low: Any, low: Precision
) -> None:
    program = traced(case.name, low)
    outputs = adapter.predictor(program.apply(all_low(program, low)))(case.batch)
    expected = adapter.predictor(case.model)(case.batch)
    for reference, value in zip(expected, outputs, strict=True):
        assert (reference.shape, reference.dtype) == (value.shape, value.dtype)
        assert relative_error(reference, value) <= BOUND[low]
    assert not all(map(np.array_equal, expected, outputs))


@pytest.mark.parametrize("low", LOW)
def test_all_contractions_are_low(
    case: Any, traced: Any, all_low: Any, low: Precision
) -> None:
    program = traced(case.name, low)
    placement = all_low(program, low)
    compute = [op for op in program.graph.ops if op.kind is Kind.COMPUTE]
    assert compute
    assert all(op.flops for op in compute)
    assert {placement[op.id] for op in compute} == {low}


def test_fp32_is_the_model_itself(case: Any, traced: Any) -> None:
    program = traced(case.name)
    placement = dict.fromkeys(program.graph.by_id, Precision.FP32)
    outputs = adapter.predictor(program.apply(placement))(case.batch)
    expected = adapter.predictor(case.model)(case.batch)
    for reference, value in zip(expected, outputs, strict=True):
        assert relative_error(reference, value) < 1e-5


def test_error_of_all_is_that_of_the_converted_model(
    case: Any, traced: Any, all_low: Any
) -> None:
    program = traced(case.name)
    placement = all_low(program)
    low = [name for name, each in placement.items() if each is Precision.BF16]
    outputs = adapter.predictor(program.apply(placement))(case.batch)
    expected = adapter.predictor(case.model)(case.batch)
    found = max(map(relative_error, expected, outputs))
    assert program.error(Precision.BF16, low) == pytest.approx(
        found, rel=0.35, abs=1e-3
    )
