"""Output errors over routes, against a toy whose values are known in closed form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.frameworks.measuring.output_errors import OutputErrors, Skipped
from narrowcast.runtime.frameworks.measuring.tails import float_tails
from narrowcast.runtime.frameworks.protocol import Array, Probe
from narrowcast.runtime.graph.graph import Kind, Op, Precision

BF16, FP16, FP32 = Precision.BF16, Precision.FP16, Precision.FP32


def op(name: str, region: str = "") -> Op:
    return Op(name, "any", Kind.COMPUTE, (), (name,), region=region)


MAIN, ALSO = op("main"), op("also")
THEN, DEEP = op("if/then/mul", "if/then"), op("if/then/loop/add", "if/then/loop")
ELSE = op("if/else/mul", "if/else")
SHIFTS = {MAIN.id: 1.0, ALSO.id: 2.0, THEN.id: 4.0, DEEP.id: 8.0, ELSE.id: 16.0}


@dataclass
class Toy:
    """Two outputs: each op that is low and reached adds its shift to the second."""

    refused: frozenset[Skipped] = frozenset()
    endless: frozenset[str] = frozenset()
    skipped: Skipped = frozenset({"if/then", "if/then/loop"})
    asked: list[tuple[Skipped, Precision, tuple[str, ...]]] = field(
        default_factory=list
    )

    def values(
        self, route: Skipped, precision: Precision, ops: Sequence[Op]
    ) -> list[Array] | None:
        names = tuple(each.id for each in ops)
        self.asked.append((route, precision, names))
        if route in self.refused or self.endless & set(names):
            return None
        skipped = self.skipped - route
        moved = sum(SHIFTS[o.id] for o in ops if not any(map(o.within, skipped)))
        base = 100.0 if route else 10.0
        return [np.ones(3), np.array([base + moved, 0.0, 0.0])]

    def errors(self) -> OutputErrors[Array]:
        probes = {name: Probe(BF16, shift / 1000) for name, shift in SHIFTS.items()}
        return OutputErrors(self, probes, relative_error)


def test_the_largest_output_counts_and_nothing_low_is_no_error() -> None:
    errors = Toy().errors()
    assert errors.error(BF16, ()) == 0.0
    assert errors.error(BF16, (MAIN,)) == pytest.approx(0.1)
    assert errors.error(BF16, (MAIN, ALSO)) == pytest.approx(0.3)
    assert errors.error(BF16, (ELSE,)) == pytest.approx(1.6)


def test_what_the_batch_skips_is_judged_on_a_route_of_its_own() -> None:
    toy = Toy()
    assert toy.errors().error(BF16, (THEN,)) == pytest.approx(0.04)
    assert {route for route, _, _ in toy.asked} == {frozenset({"if/then"})}
    both = frozenset({"if/then", "if/then/loop"})
    # With an op of the main graph too, both routes are run, each with all ops low.
    toy = Toy()
    found = toy.errors().error(BF16, (MAIN, DEEP))
    assert found == pytest.approx(max(1.0 / 10, (1.0 + 8.0) / 100))
    assert {route for route, _, names in toy.asked if names} == {frozenset(), both}


def test_a_route_that_fp32_can_not_go_is_judged_by_the_ops_own_errors() -> None:
    toy = Toy(refused=frozenset([frozenset({"if/then"})]))
    assert toy.errors().error(BF16, (THEN,)) == pytest.approx(0.004)
    # The other route is run all the same; there the branch changes nothing.
    assert toy.errors().error(BF16, (THEN, MAIN)) == pytest.approx(0.1)


def test_what_ends_in_fp32_alone_is_an_infinite_error() -> None:
    assert Toy(endless=frozenset([MAIN.id])).errors().error(BF16, (MAIN,)) == math.inf


def test_fp32_is_run_once_for_each_route_and_precision() -> None:
    toy = Toy()
    errors = toy.errors()
    for precision in (BF16, FP16, BF16):
        for ops in ((MAIN,), (ALSO,), (MAIN, THEN)):
            errors.error(precision, ops)
    references = [asked[:2] for asked in toy.asked if not asked[2]]
    routes = (frozenset[str](), frozenset({"if/then"}))
    assert sorted(references, key=str) == sorted(
        ((route, precision) for route in routes for precision in (BF16, FP16)), key=str
    )


def nearest(
    value: int, floats: frozenset[int], behind: dict[int, list[int]]
) -> list[int]:
    """The floats that a value is or is made of, by recursion over all paths."""
    if value in floats:
        return [value]
    return [each for one in behind[value] for each in nearest(one, floats, behind)]


@st.composite
def dags(draw: st.DrawFn) -> tuple[list[int], frozenset[int], dict[int, list[int]]]:
    count = draw(st.integers(1, 9))
    behind = {
        k: draw(st.lists(st.integers(0, k - 1), max_size=3)) if k else []
        for k in range(count)
    }
    some = st.integers(0, count - 1)
    return draw(st.lists(some, max_size=4)), draw(st.frozensets(some)), behind


@given(dags())
def test_float_tails_are_the_nearest_floats_behind_the_outputs_in_their_order(
    case: tuple[list[int], frozenset[int], dict[int, list[int]]],
) -> None:
    outputs, floats, behind = case
    found = float_tails(outputs, floats.__contains__, behind.__getitem__)
    every = [each for one in outputs for each in nearest(one, floats, behind)]
    assert found == tuple(dict.fromkeys(every))
