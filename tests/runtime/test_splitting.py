"""Heavy-hitter splitting, and when a sketch is believed."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.search.sensitivity.estimates import trusted
from narrowcast.runtime.search.sensitivity.splitting import MOST_PASSES, REST, split


def measured(squares: Mapping[str, float]) -> tuple[dict[str, float], int]:
    """What splitting finds where single errors add up, and the runs it took."""
    runs: list[tuple[str, ...]] = []

    def measure(group: tuple[str, ...]) -> float:
        runs.append(group)
        return math.fsum(squares[name] for name in group)

    found = split(list(squares), measure)
    assert all(runs)
    return found, len(runs)


harms = st.lists(st.floats(0, 1e6, allow_subnormal=False), min_size=1, max_size=60)


@given(harms)
def test_every_op_has_an_estimate_and_they_add_up(values: list[float]) -> None:
    squares = {f"op{k}": value for k, value in enumerate(values)}
    found, passes = measured(squares)
    assert found.keys() == squares.keys()
    assert math.fsum(found.values()) == pytest.approx(math.fsum(values), rel=1e-9)
    assert passes <= MOST_PASSES


@given(harms)
def test_what_is_heavy_is_found_as_by_brute_force(values: list[float]) -> None:
    """Every op beyond the share that a group may hide stands alone with its error."""
    squares = {f"op{k}": value for k, value in enumerate(values)}
    total = math.fsum(values)
    found, _passes = measured(squares)
    for name, square in squares.items():
        if square > REST * total:
            assert found[name] == pytest.approx(square, rel=1e-6, abs=1e-9 * total)


@pytest.mark.parametrize("count", [100, 1000])
def test_three_culprits_take_few_runs(count: int) -> None:
    squares = {f"op{k}": 1e-6 for k in range(count)}
    for name in ("op3", f"op{count // 2}", f"op{count - 1}"):
        squares[name] = 1.0
    found, passes = measured(squares)
    assert set(sorted(found, key=lambda name: -found[name])[:3]) == {
        name for name in squares if squares[name] == 1.0
    }
    assert passes <= 6 * math.log2(count) + 4


def test_infinite_groups_are_split_to_the_single_op() -> None:
    squares = {f"op{k}": 1.0 for k in range(40)} | {"op7": math.inf, "op8": math.inf}
    found, _passes = measured(squares)
    assert {name for name, each in found.items() if math.isinf(each)} == {"op7", "op8"}


def test_of_ops_that_mask_each_other_both_are_found() -> None:
    """Either ruins the outputs alone, both together no more than one."""

    def measure(group: tuple[str, ...]) -> float:
        return float(bool({"op5", "op30"} & set(group))) + 1e-6 * len(group)

    found = split([f"op{k}" for k in range(64)], measure)
    assert set(sorted(found, key=lambda name: -found[name])[:2]) == {"op5", "op30"}


@pytest.mark.parametrize(
    ("total", "error", "believed"),
    [
        (1.0, 1.0, True),
        (1.0, 2.0, True),
        (1.0, 2.1, False),
        (1.0, 0.1, True),
        (1.0, 0.09, False),
        (0.0, 0.0, False),
        (math.inf, 1.0, False),
        (math.nan, 1.0, False),
        (1.0, math.inf, False),
        (1.0, math.nan, False),
    ],
)
def test_a_sketch_is_believed_within_both_bounds(
    total: float, error: float, believed: bool
) -> None:
    sketch = {"a": total / 4, "b": total * 3 / 4}
    assert trusted(sketch, lambda group: error) is believed


def test_no_sketch_is_none_to_believe() -> None:
    assert not trusted({}, lambda group: 0.0)
