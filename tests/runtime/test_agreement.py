"""Agreement with the model as loaded: what is checked first, and how it is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks.measuring.agreement import (
    NOISE,
    check_agreement,
    difference,
    first_divergence,
    why_it_differs,
)
from narrowcast.runtime.frameworks.protocol import Array

ONE, TWO = np.ones(4, np.float32), np.full(4, 2.0, np.float32)


def never() -> str:
    raise AssertionError("nothing differs")


def refused(
    expected: Sequence[Array],
    found: Sequence[Array],
    names: Sequence[str] = (),
    own: Sequence[str] = (),
    cause: Callable[[], str] = lambda: "because",
) -> ModelError:
    with pytest.raises(ModelError) as caught:
        check_agreement(tuple(expected), tuple(found), cause, names, own)
    return caught.value


def test_outputs_that_agree_ask_for_no_cause() -> None:
    close = ONE * np.float32(1 + NOISE / 2)
    check_agreement((ONE, TWO), (close, TWO), never, ("a", "b"), ("x", "y"))
    check_agreement((), (), never)


def test_the_number_is_checked_before_names_and_names_before_values() -> None:
    error = refused([ONE], [ONE, TWO], names=("a", "b", "c"))
    assert "has 2 outputs, the model as loaded 1" in error.message
    error = refused([ONE, ONE], [TWO, TWO], ("a",), ("x", "y"), never)
    assert error.message == "the model has 2 outputs, model.outputs names 1"
    assert error.remedy == "Its outputs are x, y."


@pytest.mark.parametrize(
    ("names", "own", "label"),
    [(("a", "b"), ("x", "y"), "b"), ((), ("x", "y"), "y"), ((), (), "1")],
)
def test_an_output_is_called_what_the_spec_calls_it(
    names: Sequence[str], own: Sequence[str], label: str
) -> None:
    error = refused([ONE, ONE], [ONE, TWO], names, own)
    assert error.message == (
        f"output {label} of the traced fp32 graph differs from the model as loaded: "
        "relative error 1.0e+00, fp32 noise is at most 1e-04"
    )
    assert error.remedy == "because"


def broken(value: float) -> Array:
    return np.array([1.0, value, 1.0, 1.0], np.float32)


@pytest.mark.parametrize(
    ("reference", "value", "said"),
    [
        (ONE, ONE[None].astype(np.int64), "shape (1, 4) instead of (4,)"),
        (ONE, broken(np.nan).astype(np.float64), "float64 instead of float32"),
        (ONE, broken(np.inf), "1 of 4 values are not finite"),
        (broken(np.nan), TWO * broken(3.0), "relative error 1.0e+00"),
        (np.arange(3), np.array([0, 2, 1]), "2 of 3 values"),
        (np.array([True]), np.array([False]), "1 of 1 values"),
        (np.array(["a", "b"], object), np.array(["a", "c"], object), "1 of 2 values"),
        (broken(np.inf), broken(7.0), ""),
        (np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32), ""),
        (np.array(3), np.array(3), ""),
    ],
)
def test_shapes_come_before_dtypes_before_what_is_not_finite_before_noise(
    reference: Array, value: Array, said: str
) -> None:
    found = difference(reference, value)
    assert found.startswith(said) if said else found == ""


FLOATS = st.floats(-1e3, 1e3, width=32)


@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=6), st.floats(0, 1e-3))
def test_noise_is_a_relative_rms(
    pairs: list[tuple[float, float]], scale: float
) -> None:
    reference = np.array([a for a, _ in pairs], np.float32)
    moved = reference + np.float32(scale) * np.array([b for _, b in pairs], np.float32)
    off = np.sqrt(np.mean((moved.astype(np.float64) - reference) ** 2))
    rms = np.sqrt(np.mean(reference.astype(np.float64) ** 2))
    if abs(off - NOISE * rms) > 1e-9 * rms:
        assert bool(difference(reference, moved)) == (off > NOISE * rms)


def test_the_first_op_that_differs_is_named() -> None:
    assert first_divergence(iter([("a", ONE, ONE), ("b", TWO, TWO)])) == ""
    values = [("a", ONE, ONE), ("b", ONE, TWO), ("c", ONE, TWO)]
    assert first_divergence(iter(values)) == "b"


@pytest.mark.parametrize(
    ("again", "captured", "first", "said"),
    [
        (TWO, TWO, "op", "gives another result each time it is called"),
        (ONE, TWO, "op", "fixed when traced"),
        (ONE, ONE, "op", "Preparation changed it first at op: "),
        (ONE, ONE, "", "Preparation changed it first at an op that is not seen: "),
    ],
)
def test_the_first_step_that_changes_the_result_is_to_blame(
    again: Array, captured: Array, first: str, said: str
) -> None:
    found = why_it_differs(
        (ONE,),
        lambda: (again,),
        lambda: (captured,),
        "fixed when traced",
        lambda: first,
    )
    assert said in found


def test_a_graph_that_returns_fewer_outputs_is_to_blame() -> None:
    found = why_it_differs((ONE, ONE), lambda: (ONE, ONE), lambda: (ONE,), "it", never)
    assert found == "it"
