"""Timing models side by side, so that drift of the machine hits all alike.

What else a machine does only ever makes a call longer (Chen and Revels, "Robust
benchmarking in noisy environments", 2016), so a mean says more of the neighbours than of
the model, and a minimum is one lucky run. Here medians are compared: a stall moves none
that hits less than half of the rounds, which therefore go on for longer than a stall
does. Quartiles tell where half of the rounds were hit: then nothing is said of speed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from .strict_json import count, mapped, number, record, seconds

Clock = Callable[[], float]
"""Seconds from any origin; `time.perf_counter` outside tests."""

WARM_UP = 3
FEWEST, MOST = 7, 101
SECONDS = 2.0
PER_SECOND = 250
"""Rounds for each second there is, where those are more than MOST: a small model's rounds
would be over before the machine's stall of 100 ms is."""
SLOW = 0.5
"""Seconds of a round above which SLOW_WARM_UP and SLOW_FEWEST do."""
SLOW_WARM_UP, SLOW_FEWEST = 2, 5
CAP, CAPPED_FEWEST = 20.0, 3
"""Seconds within which as many rounds are made as fit where the fewest do not fit, and
the rounds without which nothing can be said."""
SAME = 0.01
"""Difference of medians, relative, that nobody would call one."""
NOISY = 1.5
"""Factor between the quartiles of a model, or the medians of two whose quartiles overlap,
beyond which they say nothing."""
AGREE = 0.75
"""Share of the rounds that must say "slower" (or "faster") too."""

FASTER, SLOWER = "faster", "slower"
WITHIN, UNCLEAR = "within noise", "too noisy to tell"
"""What `verdict` says."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds per call: the median and the quartiles around it.

    Attributes:
        longer: Share of the rounds in which it took longer than another call, by name;
            those which nobody compared are not there.
    """

    median: float
    low: float
    high: float
    runs: int
    longer: Mapping[str, float] = field(default_factory=dict)

    @property
    def noisy(self) -> bool:
        """Whether the quartiles are too far apart to say how long a call takes."""
        return wide(self.low, self.high)

    def changed(self, change: Callable[[float], float]) -> Latency:
        """With seconds that are something else of what was measured."""
        low, median, high = map(change, (self.low, self.median, self.high))
        return Latency(median, low, high, self.runs)


def wide(low: float, high: float) -> bool:
    """Whether quartiles are too far apart to say anything; less than 1 ns is none."""
    return max(high, 1e-9) > NOISY * max(low, 1e-9)


def interleaved(
    calls: Mapping[str, Callable[[], object]], clock: Clock, seconds: float = SECONDS
) -> dict[str, Latency]:
    """Time each call once per round, all in turn; medians with quartiles as noise.

    Args:
        seconds: Rounds are as many as fit in it, between FEWEST (SLOW_FEWEST) and
            `most_rounds`. Fewer than that, but CAPPED_FEWEST, where warming up and they
            would take longer than CAP.
    """
    warm: list[float] = []
    for warmed in range(1, WARM_UP + 1):
        first = {name: _timed(call, clock) for name, call in calls.items()}
        warm.append(sum(first.values()))
        if warmed >= SLOW_WARM_UP and min(warm) > SLOW:
            break
        if warm[0] > CAP / 2:
            break
    fewest = SLOW_FEWEST if min(warm) > SLOW else FEWEST
    fitting = int((CAP - sum(warm)) / max(min(warm), 1e-9))
    fewest = min(fewest, max(fitting, CAPPED_FEWEST))
    taken: dict[str, list[float]] = {name: [] for name in calls}
    rounds, spent = 0, 0.0
    while rounds < fewest or (spent < seconds and rounds < most_rounds(seconds)):
        for name, call in calls.items():
            taken[name].append(_timed(call, clock))
            spent += taken[name][-1]
        rounds += 1
    return _compared(taken)


def most_rounds(seconds: float) -> int:
    """How many rounds are enough, where so many seconds are there for them."""
    return max(MOST, round(PER_SECOND * seconds))


def _compared(taken: Mapping[str, list[float]]) -> dict[str, Latency]:
    """With the share of the rounds in which each took longer than each other."""
    rounds = np.array(list(taken.values()))
    found = {}
    for name, own in taken.items():
        shares = (np.asarray(own) > rounds).mean(axis=1).tolist()
        longer = dict(zip(taken, shares, strict=True))
        del longer[name]
        found[name] = latency(own, longer)
    return found


def _timed(call: Callable[[], object], clock: Clock) -> float:
    start = clock()
    call()
    return clock() - start


def latency(seconds: list[float], longer: Mapping[str, float] | None = None) -> Latency:
    """Of calls that took so many seconds each."""
    low, median, high = (float(v) for v in np.quantile(seconds, [0.25, 0.5, 0.75]))
    return Latency(median, low, high, len(seconds), longer or {})


def speedup(baseline: Latency, result: Latency) -> float:
    """How many times as fast the result is; clocks that saw no time count as 1 ns."""
    return max(baseline.median, 1e-9) / max(result.median, 1e-9)


def verdict(baseline: Latency, result: Latency, base: str = "", name: str = "") -> str:
    """FASTER, SLOWER, WITHIN noise, or UNCLEAR.

    Noise is where the quartile ranges overlap, or the medians are within SAME. Unclear
    is where a range is wider than NOISY, where ranges overlap though the medians are
    further apart than that, and where less than AGREE of the rounds say the same.

    Args:
        base, name: What `Latency.longer` calls the two.
    """
    if baseline.noisy or result.noisy:
        return UNCLEAR
    ratio = speedup(baseline, result)
    if abs(ratio - 1.0) < SAME:
        return WITHIN
    if result.high < baseline.low:
        return FASTER if baseline.longer.get(name, 1.0) >= AGREE else UNCLEAR
    if result.low > baseline.high:
        return SLOWER if result.longer.get(base, 1.0) >= AGREE else UNCLEAR
    return UNCLEAR if wide(min(ratio, 1.0), max(ratio, 1.0)) else WITHIN


LATENCY = record(
    {"median": seconds, "low": seconds, "high": seconds, "runs": count},
    {"longer": mapped(number)},
)


def latencies_data(latencies: Mapping[str, Latency]) -> dict[str, Any]:
    """Latencies as plain data."""
    return {name: asdict(latency) for name, latency in latencies.items()}


def latencies(data: Mapping[str, Any]) -> dict[str, Latency]:
    """What `latencies_data` was given."""
    return {str(name): Latency(**seconds) for name, seconds in data.items()}
