"""How whole numbers grow on their way through a graph."""

from __future__ import annotations

from enum import StrEnum


class Growth(StrEnum):
    """What an op makes of whole numbers that may grow beyond all that a batch shows.

    COUNTS: makes them: positions, places, sizes, cumulative sums.
    KEEPS: passes them on, moved, cast or scaled.
    SUMS: adds or subtracts: what is left of two large ones may be small.
    ROUNDS: means their absolute value and passes it on: floors and remainders.
    READS: means their absolute value: periodic, exponential, comparing.
    ENDS: makes values whose size is not theirs.
    """

    COUNTS = "counts"
    KEEPS = "keeps"
    SUMS = "sums"
    ROUNDS = "rounds"
    READS = "reads"
    ENDS = "ends"
