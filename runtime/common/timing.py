"""Timing models side by side, so that drift of the machine hits all alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .strict_json import count, record, seconds

Clock = Callable[[], float]
"""Seconds from any origin; `time.perf_counter` outside tests."""

WARM_UP = 3
FEWEST, MOST = 7, 101
SECONDS = 2.0
SLOW = 0.5
"""Seconds of a round above which SLOW_WARM_UP and SLOW_FEWEST do."""
SLOW_WARM_UP, SLOW_FEWEST = 2, 5
SAME = 0.01
"""Difference of medians, relative, that nobody would call one."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds per call: the median and the quartiles around it."""

    median: float
    low: float
    high: float
    runs: int

    def changed(self, change: Callable[[float], float]) -> Latency:
        """With seconds that are something else of what was measured."""
        low, median, high = map(change, (self.low, self.median, self.high))
        return Latency(median, low, high, self.runs)


def interleaved(
    calls: Mapping[str, Callable[[], object]], clock: Clock, seconds: float = SECONDS
) -> dict[str, Latency]:
    """Time each call once per round, all in turn; medians with quartiles as noise.

    Args:
        seconds: Rounds are as many as fit in it, between FEWEST (SLOW_FEWEST) and MOST.
    """
    for warmed in range(1, WARM_UP + 1):
        first = {name: _timed(call, clock) for name, call in calls.items()}
        longest = max(sum(first.values()), 1e-9)
        if warmed >= SLOW_WARM_UP and longest > SLOW:
            break
    fewest = SLOW_FEWEST if longest > SLOW else FEWEST
    rounds = int(min(max(seconds / longest, fewest), MOST))
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            taken[name].append(_timed(call, clock))
    return {name: latency(runs) for name, runs in taken.items()}


def _timed(call: Callable[[], object], clock: Clock) -> float:
    start = clock()
    call()
    return clock() - start


def latency(seconds: list[float]) -> Latency:
    """Of calls that took so many seconds each."""
    low, median, high = np.quantile(seconds, [0.25, 0.5, 0.75])
    return Latency(float(median), float(low), float(high), len(seconds))


def speedup(baseline: Latency, result: Latency) -> float:
    """How many times as fast the result is; clocks that saw no time count as 1 ns."""
    return max(baseline.median, 1e-9) / max(result.median, 1e-9)


def verdict(baseline: Latency, result: Latency) -> str:
    """ "faster", "slower", or "within noise".

    Noise is where the quartile ranges overlap, or the medians are within SAME.
    """
    if abs(speedup(baseline, result) - 1.0) < SAME:
        return "within noise"
    if result.high < baseline.low:
        return "faster"
    if result.low > baseline.high:
        return "slower"
    return "within noise"


LATENCY = record(
    {"median": seconds, "low": seconds, "high": seconds, "runs": count}, {}
)


def latencies_data(latencies: Mapping[str, Latency]) -> dict[str, Any]:
    """Latencies as plain data."""
    return {name: asdict(latency) for name, latency in latencies.items()}


def latencies(data: Mapping[str, Any]) -> dict[str, Latency]:
    """What `latencies_data` was given."""
    return {str(name): Latency(**seconds) for name, seconds in data.items()}
