"""Whole numbers that may grow: who reads them is fp32, whatever the batch shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from narrowcast.runtime.frameworks.inputs import Input, ends
from narrowcast.runtime.frameworks.protocol import Statistics
from narrowcast.runtime.graph.graph import (
    Graph,
    Kernel,
    Kind,
    Op,
    Precision,
    Slot,
    Tensor,
)
from narrowcast.runtime.graph.growth import Growth
from narrowcast.runtime.graph.pins import Why
from narrowcast.runtime.search.limits.bounds import bound_pins

BF16, FP32 = Precision.BF16, Precision.FP32
MOVES = Growth.KEEPS, Kind.MOVER
CASTS = Growth.KEEPS, Kind.FIXED
SCALES = Growth.KEEPS, Kind.POINTWISE
ADDS = Growth.SUMS, Kind.POINTWISE
COUNTS = Growth.COUNTS, Kind.FIXED
READS = Growth.READS, Kind.POINTWISE
ROUNDS = Growth.ROUNDS, Kind.POINTWISE
TRUTH = Growth.ENDS, Kind.FIXED
ACTIVATES = Growth.ENDS, Kind.POINTWISE
PRODUCT = Growth.KEEPS, Kind.COMPUTE

Row = tuple[str, tuple[Growth, Kind], Sequence[str], str]
"""Name, what the op does, what it takes, the dtype of what it makes."""


def graph(
    rows: Sequence[Row], inputs: Mapping[str, str], flops: int = 0, length: int = 64
) -> Graph:
    """Ops that make a tensor of their own name; `w` is a constant."""
    tensors = {"w": Tensor("w", "float32", (8,), constant=True)}
    tensors |= {name: Tensor(name, dtype, (length,)) for name, dtype in inputs.items()}
    ops = []
    for name, (growth, kind), taken, dtype in rows:
        tensors[name] = Tensor(name, dtype, (length,))
        slots = tuple(Slot(n, tensors[n].floating) for n in taken)
        low = (Kernel(FP32, FP32), Kernel(BF16, BF16))
        kernels = low[:1] if kind is Kind.FIXED else low
        counted = flops if kind is Kind.COMPUTE else 0
        op = Op(name, name, kind, slots, (name,), flops=counted, kernels=kernels)
        ops.append(replace(op, growth=growth))
    return Graph(tuple(ops), tensors, tuple(inputs), (rows[-1][0],))


def pinned(
    rows: Sequence[Row],
    inputs: Mapping[str, str] | None = None,
    *,
    flops: int = 0,
    largest: Mapping[int, int] | None = None,
    seen: Mapping[str, Statistics] | None = None,
    ends: Mapping[str, float] | None = None,
) -> set[str]:
    made = graph(rows, inputs or {"x": "float32"}, flops)
    pins = bound_pins(made, BF16, seen or {}, largest or {}, ends)
    assert {reason.why for reason in pins.values()} <= {Why.BOUND}
    return set(pins)


ROPE: tuple[Row, ...] = (
    ("places", COUNTS, (), "int64"),
    ("float", CASTS, ("places",), "float32"),
    ("angle", SCALES, ("float", "w"), "float32"),
    ("pair", MOVES, ("angle",), "float32"),
    ("cosine", READS, ("pair",), "float32"),
    ("out", SCALES, ("x", "cosine"), "float32"),
)


def test_positions_that_reach_a_sine_are_pinned_with_all_between() -> None:
    assert pinned(ROPE) == {"angle", "pair", "cosine"}


@pytest.mark.parametrize(("most", "free"), [(257, True), (258, False), (4096, False)])
def test_a_stated_size_that_bf16_holds_frees_them(most: int, free: bool) -> None:
    seen = {"float": Statistics(63.0, 0.0, 0.0, 0.0, 0.0)}
    assert (pinned(ROPE, largest={64: most}, seen=seen) == set()) is free


@pytest.mark.parametrize("largest", [64.0, 126.0, 1063.0])
def test_steps_starts_and_scales_are_not_bounded_by_a_size(largest: float) -> None:
    seen = {"float": Statistics(largest, 0.0, 0.0, 0.0, 0.0)}
    assert pinned(ROPE, largest={64: 128}, seen=seen)
    assert pinned(ROPE, largest={64: 128})


def test_sums_of_data_and_shifted_positions_are_not_bounded_by_a_size() -> None:
    seen = {"float": Statistics(9.0, 0.0, 0.0, 0.0, 0.0)}
    summed = (("places", COUNTS, ("ids",), "int64"), *ROPE[1:])
    inputs = {"x": "float32", "ids": "int64"}
    assert pinned(summed, inputs, largest={64: 128}, seen=seen)
    moved = (
        ROPE[0],
        ("shifted", CASTS, ("places", "ids"), "int64"),
        ("float", CASTS, ("shifted",), "float32"),
        *ROPE[2:],
    )
    assert pinned(moved, inputs, largest={64: 128}, seen=seen)


def test_an_outer_product_scales_and_a_layer_does_not() -> None:
    outer = (*ROPE[:2], ("angle", PRODUCT, ("float", "w"), "float32"), *ROPE[3:])
    assert pinned(outer, flops=2 * 64) == {"angle", "pair", "cosine"}
    assert pinned(outer, flops=2 * 64 * 8) == set()


STEPS: tuple[Row, ...] = (
    ("float", CASTS, ("t",), "float32"),
    ("angle", SCALES, ("float", "w"), "float32"),
    ("sine", READS, ("angle",), "float32"),
)


def test_integers_that_a_caller_gives_may_be_any() -> None:
    assert pinned(STEPS, {"t": "int64"}) == {"angle", "sine"}
    assert pinned(STEPS, {"t": "uint8"}) == set()
    assert pinned(STEPS, {"t": "bool"}) == set()


@pytest.mark.parametrize(
    ("value", "free"),
    [(7, True), ((3, (-9, 200.0)), True), (1000, False), ("text", False)],
)
def test_what_always_is_the_same_is_its_own_bound(value: Any, free: bool) -> None:
    stated = ends((Input("t", value=value), Input("x")), ("t", "x"))
    assert (pinned(STEPS, {"t": "int64"}, ends=stated) == set()) is free


@pytest.mark.parametrize(("most", "free"), [(256, True), (257, False), (999, False)])
def test_a_stated_range_that_bf16_holds_frees_them(most: float, free: bool) -> None:
    """Whatever the batch shows, of integers and of floats that are whole numbers."""
    assert (pinned(STEPS, {"t": "int64"}, ends={"t": most}) == set()) is free
    seen = {"t": Statistics(1.5, 0.0, 0.0, 0.0, 0.0)}
    whole = (("sine", READS, ("t",), "float32"),)
    found = pinned(whole, {"t": "float32"}, seen=seen, ends={"t": most})
    assert (found == set()) is free
    if not free:
        made = bound_pins(graph(STEPS, {"t": "int64"}), BF16, {}, {}, {"t": most})
        assert f"whole numbers of input t go up to {most}" in made["sine"].text


@pytest.mark.parametrize(("fractional", "held"), [(0.0, True), (0.5, False)])
def test_an_input_of_whole_numbers_is_taken_for_integers(
    fractional: float, held: bool
) -> None:
    rows: tuple[Row, ...] = (("sine", READS, ("t",), "float32"),)
    seen = {"t": Statistics(9.0, 0.0, 0.0, 0.0, fractional)}
    assert (pinned(rows, {"t": "float32"}, seen=seen) == {"sine"}) is held


def test_a_mask_that_is_scaled_and_added_to_scores_is_free() -> None:
    mask: tuple[Row, ...] = (
        ("float", CASTS, ("keep",), "float32"),
        ("hidden", ADDS, ("float", "w"), "float32"),
        ("large", SCALES, ("hidden", "w"), "float32"),
        ("scores", ACTIVATES, ("x",), "float32"),
        ("masked", ADDS, ("scores", "large"), "float32"),
        ("share", READS, ("masked",), "float32"),
    )
    assert pinned(mask, {"x": "float32", "keep": "int64"}) == set()


def test_distances_between_positions_and_offsets_from_them_are_exact() -> None:
    rows: tuple[Row, ...] = (
        ("places", COUNTS, (), "float32"),
        ("moved", MOVES, ("places",), "float32"),
        ("distance", ADDS, ("places", "moved"), "float32"),
        ("offset", ACTIVATES, ("x",), "float32"),
        ("corner", ADDS, ("places", "offset"), "float32"),
    )
    assert pinned(rows) == {"moved", "distance", "corner"}


def test_truths_and_integers_that_are_made_of_them_are_read() -> None:
    rows: tuple[Row, ...] = (
        ("places", COUNTS, (), "float32"),
        ("half", ROUNDS, ("places",), "float32"),
        ("scaled", SCALES, ("half", "w"), "float32"),
        ("index", TRUTH, ("scaled",), "int64"),
    )
    assert pinned(rows) == {"half", "scaled"}


def test_what_only_looks_up_places_is_free() -> None:
    rows: tuple[Row, ...] = (
        ("embedded", MOVES, ("ids", "w"), "float32"),
        ("sine", READS, ("embedded",), "float32"),
    )
    assert pinned(rows, {"ids": "int64"}) == set()


def test_the_reason_says_where_from_and_how_far() -> None:
    made = graph(ROPE, {"x": "float32"})
    reason = bound_pins(made, BF16, {}, {64: 4096})["cosine"]
    assert "positions or counts of places go up to 4095" in reason.text
    assert "bf16 has all only up to 256" in reason.text
    assert (
        "may be larger in other data" in bound_pins(made, BF16, {}, {})["cosine"].text
    )
