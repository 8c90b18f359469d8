"""What is pinned first, and what the estimates rule out untested."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.graph.graph import (
    Graph,
    Kernel,
    Kind,
    Op,
    Precision,
    Slot,
    Tensor,
)
from narrowcast.runtime.graph.pins import Reason
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search.sensitivity.estimate import Estimate, Method
from narrowcast.runtime.search.sensitivity.order import HEAVY, pin_order
from narrowcast.runtime.search.shrinking.shrinking import MARGIN, UNSEEN, Residual

FP32, BF16 = Precision.FP32, Precision.BF16
KERNELS = (Kernel(FP32, FP32), Kernel(BF16, BF16))


def line(flops: Sequence[int]) -> Graph:
    """Ops 0, 1, 2, …, one after the other, with as many FLOPs."""
    names = ["x", *map(str, range(len(flops)))]
    ops = tuple(
        Op(
            str(k),
            "linear",
            Kind.COMPUTE,
            (Slot(names[k]),),
            (str(k),),
            flops=each,
            kernels=KERNELS,
        )
        for k, each in enumerate(flops)
    )
    tensors = {name: Tensor(name, "float32", (4,)) for name in names}
    return Graph(ops, tensors, ("x",), (names[-1],))


def ordered(errors: Sequence[float], flops: Sequence[int]) -> dict[str, Reason]:
    """Op → reason in the order of pinning; shares are of the finite squares."""
    total = math.fsum(error**2 for error in errors if math.isfinite(error)) or 1.0
    ranking = [
        Estimate(str(k), error, min(error**2 / total, 1.0), Method.SKETCH)
        for k, error in enumerate(errors)
    ]
    graph = line(flops)
    placement = dict.fromkeys(graph.by_id, BF16)
    return dict(pin_order(graph, BF16, placement, ranking, low_compute))


errors = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30)


@given(errors, st.data())
def test_every_op_is_pinned_once_and_heavy_ones_first(
    errors: list[float], data: st.DataObject
) -> None:
    flops = [data.draw(st.integers(1, 1000)) for _ in errors]
    order = list(ordered(errors, flops))
    assert sorted(order) == sorted(str(k) for k in range(len(errors)))
    total = math.fsum(error**2 for error in errors) or 1.0
    heavy = [errors[int(k)] ** 2 / total >= HEAVY for k in order]
    assert heavy == sorted(heavy, reverse=True)


def test_a_cheap_op_that_calibration_did_not_test_comes_before_dear_ones() -> None:
    """As where a branch contributes to later samples only."""
    harms = [0.5, *[0.01] * 20, 0.0]
    order = list(ordered(harms, [*[1000] * 21, 1]))
    assert order[:2] == ["0", "21"]


def test_a_dear_op_that_calibration_did_not_test_comes_last() -> None:
    harms = [0.5, *[0.01] * 20, 0.0]
    assert list(ordered(harms, [*[1] * 21, 1000]))[-1] == "21"


def test_an_op_that_was_not_tested_has_that_as_its_reason() -> None:
    reasons = ordered([0.5, 0.0], [1, 1])
    assert "does not show" in reasons["1"].text
    assert "does not show" not in reasons["0"].text


def test_ops_of_one_precision_are_raised_for_all_that_they_gain() -> None:
    """A sum that gains next to nothing, tied to a product that gains much."""
    flops = [1000, 1, 100, 1]
    graph = replace(line(flops), equal=(frozenset({"0", "1"}), frozenset({"2", "3"})))
    harms = {"0": 0.01, "1": 0.02, "2": 0.02, "3": 0.01}
    total = math.fsum(each**2 for each in harms.values())
    ranking = [
        Estimate(op, error, error**2 / total / 100, Method.SKETCH)
        for op, error in harms.items()
    ]
    placement = dict.fromkeys(graph.by_id, BF16)
    order = pin_order(graph, BF16, placement, ranking, low_compute)
    assert [op for op, _reason in order] == ["2", "1"]
    assert all("tied to others" in reason.text for _op, reason in order)
    assert order[0][1].number == pytest.approx(math.hypot(0.01, 0.02))


def residual(squares: Sequence[float], *failing: str) -> Residual:
    """Of ops 0, 1, …; each failing placement names the ops that were low."""
    names = [str(k) for k in range(len(squares))]
    placements = [{n: BF16 if n in low else FP32 for n in names} for low in failing]
    return Residual(BF16, dict(zip(names, squares, strict=True)), placements)


def test_far_more_error_than_what_failed_is_hopeless() -> None:
    of = residual([1.0, 0.9 / MARGIN, 0.0], "1")
    assert of.hopeless({"0": BF16, "1": FP32, "2": FP32})
    assert not of.hopeless({"0": FP32, "1": BF16, "2": BF16})


@pytest.mark.parametrize("left", [0.0, UNSEEN / 2])
def test_nothing_is_hopeless_once_something_failed_with_nearly_no_error(
    left: float,
) -> None:
    """What it failed for is not predicted, so it may pass without more pins."""
    of = residual([1.0, left, 0.0], "12")
    assert not of.hopeless({"0": BF16, "1": BF16, "2": FP32})


def test_an_op_that_makes_infinities_is_hopeless_whatever_failed() -> None:
    of = residual([math.inf, 1.0, 0.5], "2")
    assert of.hopeless({"0": BF16, "1": FP32, "2": FP32})
