"""How the time that steps take grows with the size of what they are given."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

LEAST = 0.02
"""Seconds: shorter ones are of calls and caches, and say nothing of growth."""


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The slope of log seconds over log sizes, by least squares: 1 is linear growth.

    Of times above `LEAST` alone; NaN where fewer than two are.
    """
    points = [
        (math.log(n), math.log(s))
        for n, s in zip(sizes, seconds, strict=True)
        if s >= LEAST
    ]
    if len(points) < 2:
        return math.nan
    x, y = (sum(each) / len(points) for each in zip(*points, strict=True))
    spread = sum((a - x) ** 2 for a, _ in points)
    return sum((a - x) * (b - y) for a, b in points) / spread


def taken(step: Callable[[], Any]) -> float:
    """Seconds of this process's CPU that a step takes."""
    start = time.process_time()
    step()
    return time.process_time() - start


def table(sizes: Sequence[int], rows: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """A Markdown table of seconds with the exponent of each row."""
    yield "| step | " + " | ".join(f"{size:,}" for size in sizes) + " | exponent |"
    yield "|---" * (len(sizes) + 2) + "|"
    for name, seconds in rows.items():
        cells = " | ".join(f"{each:.2f}" for each in seconds)
        yield f"| {name} | {cells} | {exponent(sizes[: len(seconds)], seconds):.2f} |"
