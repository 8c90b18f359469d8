"""What is left of a set of pins: it suffices, and none of it can be spared."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.search.shrinking.quickxplain import Pinned, Shrinking, shrink

Conflicts = list[frozenset[str]]


def shrunk(
    pins: Sequence[str],
    sufficient: Conflicts,
    *,
    needed: Sequence[str] = (),
    cheap: str = "",
    hopeless: str = "",
    most: int = 999,
) -> tuple[Pinned, list[frozenset[str]]]:
    """What is left where pins that contain one of the `sufficient` sets pass."""
    tried: list[frozenset[str]] = []

    def passes(names: Pinned) -> bool:
        tried.append(frozenset(names))
        return any(group <= set(names) for group in sufficient)

    by = Shrinking(
        passes,
        lambda background, names: any(name not in cheap for name in names),
        lambda names: bool(set(hopeless) - set(names)),
        lambda: len(tried) < most,
    )
    return shrink(pins, needed, by), tried


names = st.sampled_from("abcdefghijkl")
groups = st.lists(st.frozensets(names, min_size=1, max_size=6), min_size=1, max_size=4)


@given(groups, st.permutations("abcdefghijkl"))
def test_the_rest_passes_and_no_pin_of_it_can_be_spared(
    sufficient: Conflicts, order: list[str]
) -> None:
    kept, _tried = shrunk(order, sufficient)
    assert any(group <= set(kept) for group in sufficient)
    for name in kept:
        assert not any(group <= set(kept) - {name} for group in sufficient)


@given(st.frozensets(names, min_size=1), st.permutations("abcdefghijkl"))
def test_trials_stay_within_junkers_bound(
    culprits: frozenset[str], order: list[str]
) -> None:
    kept, tried = shrunk(order, [culprits])
    count = len(culprits)
    assert set(kept) == culprits
    assert len(tried) <= 2 * count * math.log2(12 / count) + 2 * count + 2


@given(groups, st.frozensets(names), st.integers(0, 6))
def test_cut_short_the_rest_still_passes(
    sufficient: Conflicts, cheap: frozenset[str], most: int
) -> None:
    kept, tried = shrunk("abcdefghijkl", sufficient, cheap="".join(cheap), most=most)
    assert any(group <= set(kept) for group in sufficient)
    assert len(tried) <= most


def test_what_gains_nothing_stays_pinned_untested() -> None:
    kept, tried = shrunk("abcd", [frozenset("a")], cheap="bcd")
    assert "a" in kept
    assert all({"c", "d"} <= pins or pins <= {"a", "b"} for pins in tried)
    assert shrunk("bcd", [frozenset("b")], cheap="bcd") == (("b", "c", "d"), [])


def test_what_is_predicted_to_fail_is_not_tried() -> None:
    kept, tried = shrunk("abcdefgh", [frozenset("ab")], hopeless="ab")
    assert set(kept) == {"a", "b"}
    assert all({"a", "b"} <= pins for pins in tried)
    assert len(tried) < len(shrunk("abcdefgh", [frozenset("ab")])[1])


def test_needed_pins_stay_without_a_trial() -> None:
    kept, tried = shrunk("abc", [frozenset("z")], needed="z")
    assert (kept, tried) == (("z",), [frozenset("z")])
