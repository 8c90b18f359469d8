"""What this process waits for, in code that is not ours: seen by a thread of it.

One thing at a time: the main thread's. What other threads wait for (they read ahead, or
are an executor's workers) isn't what the run stands still for.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

from .failures import Answer
from .last_resort import ended_after

T = TypeVar("T")

READING = "reading data"
SCORING = "computing the metric"
CALLING = "calling eval_func"

LATE = 10.0
"""Seconds beyond the limit after which native code is ended with its process."""

LIMITED: Mapping[str, tuple[str, str]] = {
    READING: ("no batch came", "the dataset"),
    SCORING: ("the metric did not come back", "it"),
    CALLING: ("it did not come back", "it"),
}
"""What may not take longer than the limit → what is said of it then, and who waits."""


@dataclass(eq=False)
class Wait:
    """One thing that is waited for, from when it begins to when it comes.

    Attributes:
        what: In words.
        heard: What another process said that it waits for meanwhile, and for how many
            seconds.
    """

    what: str
    heard: tuple[str, float] | None = None


@dataclass
class _Now:
    wait: Wait | None = None
    limit: float | None = None
    descriptor: int = 2
    answer: Answer | None = None


_now = _Now()


def current() -> Wait | None:
    """What is waited for now."""
    return _now.wait


def limit() -> float | None:
    """Seconds that each of what is LIMITED may take, None for any number."""
    return _now.limit


def limit_reading(
    seconds: float | None, descriptor: int = 2, answer: Answer | None = None
) -> None:
    """Let no batch take longer, and nothing else that is LIMITED: here and in processes
    that are started from now on.

    Args:
        descriptor: Of the file where it is told that nothing else can end it.
        answer: Where it is told as JSON.
    """
    _now.limit = seconds or None
    _now.descriptor = descriptor
    _now.answer = answer


@contextmanager
def waiting(what: str) -> Iterator[Wait]:
    """Say that the main thread waits for this, while it lasts."""
    if threading.current_thread() is not threading.main_thread():
        yield Wait(what)
        return
    before, most = _now.wait, _now.limit
    outermost = before is None or before.what not in LIMITED
    held: AbstractContextManager[None] = nullcontext()
    if what in LIMITED and most and outermost:
        held = ended_after(most + LATE, most, what, _now.descriptor, _now.answer)
    _now.wait = wait = Wait(what)
    try:
        with held:
            yield wait
    finally:
        _now.wait = before


def awaited(items: Iterable[T], what: str = READING) -> Iterator[T]:
    """The items, each waited for."""
    with waiting(what):
        iterator = iter(items)
    while True:
        with waiting(what):
            try:
                item = next(iterator)
            except StopIteration:
                return
        yield item
