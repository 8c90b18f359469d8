"""The last floats before the outputs: what an error is measured on.

An ArgMax or a comparison turns floats into something that moves in jumps or not at
all; how near they are to a jump shows only in the floats that feed it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

Value = TypeVar("Value", bound=Hashable)


def float_tails(
    outputs: Iterable[Value],
    is_float: Callable[[Value], bool],
    behind: Callable[[Value], Iterable[Value]],
) -> tuple[Value, ...]:
    """Float outputs themselves, and the nearest floats behind all others; each once.

    Args:
        behind: What a value is made of, in order.
    """
    found: dict[Value, None] = {}
    seen: set[Value] = set()
    waiting = [*outputs][::-1]
    while waiting:
        value = waiting.pop()
        if value in seen:
            continue
        seen.add(value)
        if is_float(value):
            found[value] = None
        else:
            waiting += [*behind(value)][::-1]
    return tuple(found)
