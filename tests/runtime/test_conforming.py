"""Batches in the model's own dtypes, with what the spec says is always the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.evaluation.batches import check_ranges
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.run.slots.conforming import Conforming, wanted

X = np.arange(6.0).reshape(3, 2)


def as_given(array: Any, like: Any) -> Any:
    return array


def fed(inputs: tuple[Input, ...], *batch: Any) -> Any:
    return Conforming(lambda: iter(()), inputs, as_given).inputs(batch)


def test_what_the_model_takes_is_not_touched() -> None:
    x = X.astype(np.float32)
    assert fed((Input("x", dtype="float32"),), x)[0] is x


def test_a_batch_gets_the_models_own_dtypes_by_name_or_by_order() -> None:
    own = (Input("a", dtype="int64"), Input("b", dtype="float16"))
    by_name = wanted((Input("b"), Input("a", dtype="int32")), own)
    assert [each.dtype for each in by_name] == ["float16", "int32"]
    by_order = wanted((Input("first"), Input("second")), own)
    assert [each.dtype for each in by_order] == ["int64", "float16"]
    assert [each.dtype.name for each in fed(by_order, X, X)] == ["int64", "float16"]
    assert wanted((), own) == own


def test_pythons_floats_are_float32_where_nothing_says_more() -> None:
    assert fed((), X, np.arange(3))[0].dtype == np.float32


@pytest.mark.parametrize(
    ("shape", "value", "found"),
    [
        (("batch", "n"), 0.5, np.full((3, 2), 0.5)),
        (("batch", 2), (1, 2), np.tile([1, 2], (3, 1))),
        ((), 7, np.array(7)),
        ((2, 1), ((1,), (2,)), np.array([[1], [2]])),
        (None, (1, 2), np.array([1, 2])),
    ],
)
def test_a_value_fills_its_shape_in_each_batch(
    shape: Any, value: Any, found: Any
) -> None:
    always = Input("k", shape, "float32", value=value)
    given = fed((always, Input("x", ("batch", "n"), "float32")), X)
    assert len(given) == 2 and given[0].dtype == np.float32
    np.testing.assert_array_equal(given[0], found)


def test_a_value_that_fills_no_such_shape_is_named() -> None:
    with pytest.raises(DataError, match=r"input k is always \(3,\), which fills no"):
        fed((Input("k", ("batch", 2), value=(1, 2, 3)), Input("x")), X)


@pytest.mark.parametrize("value", [((1, 2), (3,)), 300, (1, -1)])
def test_a_value_that_is_none_of_its_dtype_points_at_it(value: Any) -> None:
    with pytest.raises(DataError, match=r"^`value` of input k (is no array|holds)"):
        fed((Input("k", ("batch", 2), "uint8", value=value), Input("x")), X)


def test_what_overflows_is_told_where_the_dtype_ends() -> None:
    with pytest.raises(
        DataError, match=r"1e\+300.*\n  float32 ends at 3.4e\+38: scale"
    ):
        fed((Input("x", dtype="float32"),), np.array([1e300]))


def test_other_numbers_of_inputs_are_left_to_who_names_them() -> None:
    assert len(fed((Input("x"), Input("y")), X)) == 1


def test_data_outside_of_a_stated_range_is_named() -> None:
    check_ranges((Input("t", range=(0, 5)),), (X,))
    with pytest.raises(
        DataError, match=r"input t holds 5\.0, model\.inputs says 0 to 4"
    ):
        check_ranges((Input("t", range=(0, 4)),), (X,))
