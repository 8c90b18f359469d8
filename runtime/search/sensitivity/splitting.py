"""Heavy-hitter splitting: which ops harm the outputs, from runs with a few ops low.

Only a group is low and the rest fp32. To raise one op from all-low instead shows
nothing where two culprits mask each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MOST_PASSES = 128
"""Runs of one batch that a splitting may take."""

REST = 0.01
"""Share of the total error below which a group is not split."""

ALMOST_ALL = 0.9
"""Share of a group's error beyond which the other half's is not taken from it."""

Group = tuple[str, ...]
Measure = Callable[[Group], float]
"""The squared output error with only these ops low; infinite if not finite."""


@dataclass(frozen=True, slots=True)
class Heavy:
    """A group and its squared error."""

    ops: Group
    error: float


def split(ops: Sequence[str], measure: Measure) -> dict[str, float]:
    """Op id → squared output error, of a group that was not split in equal parts.

    The group with the largest error is halved until what is left in any is REST of the
    whole, or MOST_PASSES runs were made. Errors of single ops add up nearly, so the
    second half's is the difference, unless the first has nearly all of it: then, and
    where nothing finite can be subtracted, it is measured.

    Args:
        ops: In the graph's order, since neighbours share a fate.
    """
    if not ops:
        return {}
    whole = Heavy(tuple(ops), measure(tuple(ops)))
    passes, groups, done = 1, [whole], list[Heavy]()
    if len(ops) == 1:
        groups, done = done, groups
    while groups and passes + 2 <= MOST_PASSES:
        heaviest = max(groups, key=lambda group: group.error)
        if math.isfinite(heaviest.error) and heaviest.error <= REST * whole.error:
            break
        groups.remove(heaviest)
        left, right, taken = _halves(heaviest, measure)
        passes += taken
        for half in (left, right):
            (groups if len(half.ops) > 1 else done).append(half)
    return {op: _each(group) for group in (*done, *groups) for op in group.ops}


def _halves(group: Heavy, measure: Measure) -> tuple[Heavy, Heavy, int]:
    """The two halves and the runs that it took."""
    middle = len(group.ops) // 2
    left, right = group.ops[:middle], group.ops[middle:]
    error = measure(left)
    if math.isfinite(group.error) and error < ALMOST_ALL * group.error:
        return Heavy(left, error), Heavy(right, group.error - error), 1
    return Heavy(left, error), Heavy(right, measure(right)), 2


def _each(group: Heavy) -> float:
    return group.error / len(group.ops)
