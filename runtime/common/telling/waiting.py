"""What this process waits for, in code that is not ours: seen by a thread of it.

One thing at a time: the main thread's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

READING = "reading data"
SCORING = "computing the metric"
CALLING = "calling eval_func"

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


_now = _Now()


def current() -> Wait | None:
    """What is waited for now."""
    return _now.wait


def limit() -> float | None:
    """Seconds that each of what is LIMITED may take, None for any number."""
    return _now.limit


def limit_reading(seconds: float | None) -> None:
    """Let no batch take longer, and nothing else that is LIMITED: here and in processes
    that are started from now on."""
    _now.limit = seconds or None


@contextmanager
def waiting(what: str) -> Iterator[Wait]:
    """Say that this is waited for, while it lasts."""
    before, _now.wait = _now.wait, Wait(what)
    try:
        yield _now.wait
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
