"""Shrinking a set of pins to those that are needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Pinned = tuple[str, ...]


@dataclass(frozen=True)
class Shrinking:
    """What decides which pins stay.

    Attributes:
        passes: Whether these pins suffice; monotone, as a rule.
        worth: Whether unpinning the second on top of the first could gain more than
            the tolerance: else it stays pinned untested.
        hopeless: Whether these pins are predicted to fail by far: not tested then.
        may_go_on: Whether there may be another trial.
    """

    passes: Callable[[Pinned], bool]
    worth: Callable[[Pinned, Pinned], bool]
    hopeless: Callable[[Pinned], bool]
    may_go_on: Callable[[], bool]


def shrink(pins: Sequence[str], needed: Sequence[str], by: Shrinking) -> Pinned:
    """The pins without those that are not needed, in their order.

    QuickXplain (Junker, AAAI 2004): with the budget for all its trials, no tolerance
    and a monotone test, no pin of the result can be left out.

    Args:
        pins: All that may be left out, most likely needed first. Together with
            `needed` they pass.
        needed: Pins that stay.
    """
    kept = _explain(tuple(needed), bool(needed), tuple(pins), by)
    return (*needed, *kept)


def _explain(background: Pinned, changed: bool, pins: Pinned, by: Shrinking) -> Pinned:
    if not pins or not by.worth(background, pins):
        return pins
    if changed and not by.hopeless(background):
        if not by.may_go_on():
            return pins
        if by.passes(background):
            return ()
    if len(pins) == 1:
        return pins
    middle = (len(pins) + 1) // 2
    first, second = pins[:middle], pins[middle:]
    of_second = _explain((*background, *first), True, second, by)
    of_first = _explain((*background, *of_second), bool(of_second), first, by)
    return (*of_first, *of_second)
