"""What something took: by the clock, and of the processors."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Spent:
    """Seconds.

    Attributes:
        wall: By the clock.
        cpu: Of processors, child processes that ended included; with one thread what
            the clock would say on a quiet machine.
    """

    wall: float = 0.0
    cpu: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.wall + other.wall, self.cpu + other.cpu)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.wall - other.wall, self.cpu - other.cpu)


def now() -> Spent:
    """A point in time, of which differences count."""
    parts = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return Spent(time.perf_counter(), sum(p.ru_utime + p.ru_stime for p in parts))
