"""In which order variables are eliminated, and which are held where that is too wide."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass


@dataclass(frozen=True)
class Order:
    """How a problem is solved.

    Attributes:
        eliminated: Variables in order.
        held: Variables that must have a value before, since tables would be too large.
    """

    eliminated: tuple[int, ...]
    held: frozenset[int]


def order(
    sizes: Sequence[int],
    scopes: Iterable[Sequence[int]],
    largest: int,
    kept: Set[int] = frozenset(),
) -> Order:
    """The min-fill order: each variable as it adds fewest edges between its neighbours.

    Source: Dechter, "Bucket elimination", Artificial Intelligence 113 (1999). Where the
    next table would have more than `largest` entries, the one of its variables that has
    most neighbours is held instead.

    Args:
        sizes: How many values each variable has.
        scopes: Variables of each factor.
        kept: Variables that are not held if others can be.
    """
    around = _neighbours(len(sizes), scopes)
    heap = [(_fill(around, each), each) for each in range(len(sizes))]
    heapq.heapify(heap)
    eliminated: list[int] = []
    held: set[int] = set()
    gone = [False] * len(sizes)
    while heap:
        fill, each = heapq.heappop(heap)
        if gone[each]:
            continue
        now = _fill(around, each)
        if now != fill:
            heapq.heappush(heap, (now, each))
            continue
        while _entries(sizes, around, each) > largest:
            worst = _worst(around, each, kept)
            _remove(around, worst)
            gone[worst] = True
            held.add(worst)
        if gone[each]:
            continue
        neighbours = around[each]
        _connect(around, each)
        gone[each] = True
        eliminated.append(each)
        for other in neighbours:
            heapq.heappush(heap, (_fill(around, other), other))
    return Order(tuple(eliminated), frozenset(held))


def _neighbours(count: int, scopes: Iterable[Sequence[int]]) -> list[set[int]]:
    around: list[set[int]] = [set() for _ in range(count)]
    for scope in scopes:
        for each in scope:
            around[each].update(scope)
    for each, others in enumerate(around):
        others.discard(each)
    return around


def _fill(around: Sequence[Set[int]], each: int) -> int:
    """Edges that are missing between the neighbours of a variable."""
    others = around[each]
    present = sum(len(around[other] & others) for other in others)
    return (len(others) * (len(others) - 1) - present) // 2


def _entries(sizes: Sequence[int], around: Sequence[Set[int]], each: int) -> int:
    return sizes[each] * math.prod(sizes[other] for other in around[each])


def _worst(around: Sequence[Set[int]], each: int, kept: Set[int]) -> int:
    """The variable to hold of those whose table is too large."""
    return max((each, *around[each]), key=lambda v: (v not in kept, len(around[v]), -v))


def _remove(around: Sequence[set[int]], each: int) -> None:
    for other in around[each]:
        around[other].discard(each)
    around[each].clear()


def _connect(around: list[set[int]], each: int) -> None:
    """Make neighbours of a variable each other's, and take it out."""
    others = around[each]
    for other in others:
        around[other] |= others
        around[other].discard(other)
        around[other].discard(each)
    around[each] = set()
