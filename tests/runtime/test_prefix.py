"""The shortest passing prefix: right for every monotone order, in few trials."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.search.shrinking.prefix import Prefix, shortest_prefix


def searched(
    length: int, needed: int | None, most: int = 999
) -> tuple[Prefix, list[int]]:
    """The search where prefixes of `needed` ops and more pass, and what it tried."""
    tried: list[int] = []

    def passes(size: int) -> bool:
        tried.append(size)
        return needed is not None and size >= needed

    found = shortest_prefix(length, passes, lambda: len(tried) < most)
    return found, tried


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 7, 10, 33, 100])
def test_the_shortest_prefix_is_found_wherever_it_ends(length: int) -> None:
    for needed in range(1, length + 1):
        found, tried = searched(length, needed)
        assert found == Prefix(needed - 1, needed)
        assert len(tried) == len(set(tried))
        assert 0 not in tried


@given(st.integers(1, 10_000), st.data())
def test_it_takes_no_more_than_log2_n_and_three_trials(
    length: int, data: st.DataObject
) -> None:
    """And one where nothing but the whole order passes."""
    needed = data.draw(st.integers(1, length))
    _found, tried = searched(length, needed)
    assert len(tried) <= math.ceil(math.log2(length)) + 3 + (needed == length)


@pytest.mark.parametrize(("needed", "most"), [(1, 4), (3, 5), (10, 6)])
def test_few_culprits_among_a_thousand_take_a_handful(needed: int, most: int) -> None:
    """As many as the study counted (reference: n = 1000)."""
    assert len(searched(1000, needed)[1]) <= most


def test_where_no_prefix_passes_the_whole_order_was_tried() -> None:
    found, tried = searched(20, None)
    assert found == Prefix(20, None)
    assert tried[-1] == 20


def test_an_empty_order_has_no_passing_prefix() -> None:
    assert searched(0, 1) == (Prefix(0, None), [])


@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 9))
def test_cut_short_it_says_only_what_it_tried(
    length: int, needed: int, most: int
) -> None:
    found, tried = searched(length, needed, most)
    assert len(tried) <= most
    assert found.passing is None or (found.passing in tried and found.passing >= needed)
    assert found.failing == 0 or (found.failing in tried and found.failing < needed)
