"""Numbers for people, with digits enough to tell them apart."""

from __future__ import annotations

from collections.abc import Sequence

from ..evaluation import Evaluation, rounded
from ..metrics.part import MOST_DECIBELS, SHARE

MOST = 20
"""Digits that tell any two doubles apart."""


def apart(*values: float) -> tuple[str, ...]:
    """Each as `rounded` has it; those that differ and would look alike with more digits."""
    told, digits = [rounded(value) for value in values], 4
    while digits < MOST and len(set(told)) < len(set(values)):
        digits += 1
        alike = [k for k in range(len(told)) if _hides(k, told, values)]
        for k in alike:
            told[k] = _with(values[k], digits)
    return tuple(told)


def _hides(place: int, told: Sequence[str], values: Sequence[float]) -> bool:
    """Whether another value looks as the one at this place does."""
    pairs = zip(told, values, strict=True)
    return any(t == told[place] and v != values[place] for t, v in pairs)


def _with(value: float, digits: int) -> str:
    """So many decimals, or digits of what is small; zeros at the end say nothing."""
    if value and abs(value) < 0.1:
        return f"{value:.{digits}g}"
    whole, _, decimals = f"{value:.{digits}f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(4, '0')}"


def said(metric: str, *values: float) -> tuple[str, ...]:
    """Values of a metric as `apart` has them, with its unit where it has one."""
    if metric.partition(" ")[0] != "SQNR":
        return apart(*values)
    return tuple(
        "no difference" if value >= MOST_DECIBELS else f"{text} dB"
        for value, text in zip(values, apart(*values), strict=True)
    )


def told(found: Evaluation) -> str:
    """Name and value of what was scored; of several that are judged, all of them."""
    numbers = found.parts if found.metric == SHARE else (found,)
    return ", ".join(
        f"{each.metric} {said(each.metric, each.value)[0]}" for each in numbers
    )
