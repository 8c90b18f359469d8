"""The shortest passing prefix of an order, in few trials."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

STRIDES = 3
"""Geometric probes in a row that may fail before the search halves instead."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """What is known of an order's prefixes.

    Attributes:
        failing: Length of the longest prefix that failed; 0 for none but the empty.
        passing: Length of the shortest that passed, None if none did.
    """

    failing: int
    passing: int | None


def shortest_prefix(
    length: int, passes: Callable[[int], bool], may_go_on: Callable[[], bool]
) -> Prefix:
    """Search the shortest passing prefix, knowing that the empty one fails.

    Few ops matter as a rule, so probes are geometric, sqrt((failing + 1) · passing),
    as long as the bracket is wide, then halve it. That takes about log2 log2 n +
    log2 r trials where r is the answer, and never more than ⌈log2 n⌉ + 3
    (docs/search.md, step 6). The whole order counts as passing until it is needed: then
    it is tried too.

    Args:
        passes: Whether the prefix of a length passes; monotone, as a rule.
        may_go_on: Whether there may be another trial.
    """
    failing, passing, tried, strides = 0, length, False, 0
    while passing - failing > 1 and may_go_on():
        wide = passing > 4 * (failing + 1) and strides < STRIDES
        middle = (failing + passing) // 2
        if wide:
            middle = max(failing + 1, math.isqrt((failing + 1) * passing))
        if passes(middle):
            passing, tried, strides = middle, True, 0
        else:
            failing, strides = middle, strides + 1
    if length and not tried and may_go_on():
        tried = passes(length)
        failing = failing if tried else length
    return Prefix(failing, passing if tried else None)
