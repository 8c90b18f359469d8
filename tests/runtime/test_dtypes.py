"""Which data becomes an input of the model's dtype, and which is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.frameworks.feeding.dtypes import (
    check_kind,
    conformed,
    dtype_name,
)

NUMBERS = [
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
]


@given(
    st.sampled_from(NUMBERS).flatmap(
        lambda name: hnp.arrays(name, hnp.array_shapes(max_dims=2, max_side=4))
    ),
    st.sampled_from(NUMBERS),
)
@settings(deadline=None)
def test_a_number_stays_what_it_is_or_is_refused(values: Any, wanted: str) -> None:
    """Floats may be rounded to floats, and whole numbers to them, in their range."""
    try:
        found = conformed(values, wanted, "input x")
    except DataError as error:
        assert error.message.startswith("input x holds ") and wanted in error.remedy
        return
    assert dtype_name(found) == wanted and found.shape == values.shape
    if "float" not in wanted:
        assert found.tolist() == values.tolist()
    else:
        exact = np.finfo(wanted).eps * np.abs(values.astype(np.longdouble))
        apart = np.abs(found.astype(np.longdouble) - values.astype(np.longdouble))
        finite = np.isfinite(values.astype(np.float64))
        assert (apart <= np.maximum(exact, np.finfo(wanted).smallest_normal))[
            finite
        ].all()
        assert (np.isfinite(found) == finite).all()


@pytest.mark.parametrize(
    ("values", "wanted", "said"),
    [
        ([300], "uint8", "300"),
        ([-1], "uint64", "-1"),
        ([0.5], "int64", "0.5"),
        ([np.nan], "int32", "nan"),
        ([2.0], "bool", "2.0"),
        ([2.0**63], "int64", "9.22"),
        ([1e6], "float16", "1000000.0"),
    ],
)
def test_a_value_that_the_dtype_has_not_is_named(
    values: Any, wanted: str, said: str
) -> None:
    with pytest.raises(DataError, match=f"input ids holds {said}"):
        conformed(np.array(values), wanted, "input ids")


def test_nothing_said_means_the_datas_own_but_pythons_floats() -> None:
    kinds = {name: conformed(np.ones(2, name), None, "x").dtype for name in NUMBERS}
    assert kinds.pop("float64") == np.float32
    assert all(dtype == name for name, dtype in kinds.items())


@pytest.mark.parametrize(
    "text",
    [
        np.array(["red", "blü"]),
        np.array(["red", "blü".encode()], object),
        np.char.encode(np.array(["red", "blü"]), "utf-8"),
    ],
)
def test_text_is_bytes_in_utf_8(text: Any) -> None:
    found = conformed(text, "string", "word")
    assert found.tolist() == [b"red", "blü".encode()] and dtype_name(text) == "string"


@pytest.mark.parametrize(
    ("values", "wanted", "said"),
    [
        (np.ones(2), "string", "x is float64 in the data, the model takes string"),
        (
            np.array(["a"]),
            "float32",
            "x is string in the data, the model takes float32",
        ),
    ],
)
def test_text_is_no_number(values: Any, wanted: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        conformed(values, wanted, "x")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.ones(2, "complex64"), "input x is complex64, which no model takes"),
        (np.array(["2026-01-01"], "datetime64[D]"), r"is datetime64\[D\]"),
        (np.ones(1, "timedelta64[s]"), r"is timedelta64\[s\]"),
        (np.ones(1, [("a", "f4")]), "which no model takes"),
        (np.array([None, {}], object), "is None, which no model takes"),
    ],
)
def test_what_no_model_takes_is_refused(values: Any, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        check_kind(values, "input x")
    assert caught.value.remedy
