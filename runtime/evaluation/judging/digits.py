"""Numbers for people, with digits enough to tell them apart."""

from __future__ import annotations

from ..evaluation import Evaluation, rounded
from ..metrics.part import SHARE

MOST = 17
"""Significant digits that tell any two doubles apart."""


def apart(*values: float) -> tuple[str, ...]:
    """Each as `rounded` has it, or all with more digits where two that differ look alike."""
    told = tuple(map(rounded, values))
    digits = 4
    while len(set(told)) < len(set(values)) and digits < MOST:
        digits += 1
        told = tuple(f"{value:.{digits}g}" for value in values)
    return told


def told(found: Evaluation) -> str:
    """Name and value of what was scored; of several that are judged, all of them."""
    if found.metric != SHARE:
        return f"{found.metric} {rounded(found.value)}"
    return ", ".join(f"{part.metric} {rounded(part.value)}" for part in found.parts)
