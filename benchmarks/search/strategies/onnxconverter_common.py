"""onnxconverter-common, `auto_convert_mixed_precision` (commit 0ef3cef).

From onnxconverter_common/auto_mixed_precision.py: the largest segment in node order
that is neither good nor bad is tried low together with all good ones; what passes is
good, what fails is halved, one node that fails is bad.

Simplified: its `validate` compares outputs on one feed; here it is the criterion on
all data. The final run of what it ends with is its last that passed: not run twice.
"""

from __future__ import annotations

from .problem import Names, Problem


def search(problem: Problem) -> Names | None:
    """Everything that was not found good."""
    names = problem.names
    segments = [names]
    good: Names = frozenset()
    while segments:
        largest = max(segments, key=len)  # of equals the first in node order
        place = segments.index(largest)
        low = good | set(largest)
        if problem.evaluate(frozenset(names) - low).passes:
            good, parts = low, []
        else:
            half = len(largest) // 2
            parts = [largest[:half], largest[half:]] if half else []
        segments[place : place + 1] = parts
    fp32 = frozenset(names) - good
    return fp32 if good else None
