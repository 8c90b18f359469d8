"""A thread that says that a run goes on, and ends what it waits for too long."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from ..errors import DataError
from ..places import place_here
from ..timing import Clock
from .waiting import READING, Wait, current, limit

SECOND = 1.0
"""How often it looks."""

FIRST = 10.0
"""Seconds that nobody needs to be told of."""

Told = Callable[[str, float], None]
"""Hears what is waited for and for how many seconds; "" and 0 where it is nothing."""


@dataclass
class Heartbeat:
    """What is said of waiting, and when it has lasted too long.

    Attributes:
        told: Hears, at each beat, what has been waited for more than FIRST seconds.
        ends: Called where reading took longer than `waiting.limit`, once each time.
    """

    told: Told
    ends: Callable[[Wait], None]
    _wait: Wait | None = field(default=None, repr=False)
    _since: float = 0.0
    _ended: bool = False

    def beat(self, now: float) -> None:
        """Look what is waited for.

        Args:
            now: Seconds.
        """
        wait = current()
        if wait is None or wait is not self._wait:
            self._wait, self._since, self._ended = wait, now, False
        what, lasted = "", 0.0
        if wait is not None:
            what, lasted = wait.heard or (wait.what, now - self._since)
        self.told(*((what, lasted) if lasted >= FIRST else ("", 0.0)))
        most = limit()
        reads = wait is not None and wait.what == READING
        if wait and reads and most and lasted >= most and not self._ended:
            self._ended = True
            self.ends(wait)


@contextmanager
def beating(told: Told, clock: Clock = time.monotonic) -> Iterator[None]:
    """Beat each second while this lasts; reading too long raises a DataError in the main
    thread, where this must be called if there is a limit."""
    done = threading.Event()
    with _raising() as ends:
        heartbeat = Heartbeat(told, ends)

        def run() -> None:
            while not done.wait(SECOND):
                heartbeat.beat(clock())

        thread = threading.Thread(target=run, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


@contextmanager
def _raising() -> Iterator[Callable[[Wait], None]]:
    """What raises in the main thread that a wait lasts too long, if it still does.

    Only a signal gets through to code that sleeps or reads.
    """
    main = threading.main_thread()
    heard = hasattr(signal, "pthread_kill") and threading.current_thread() is main
    if not heard or not limit():
        yield lambda wait: None
        return
    late: list[Wait] = []

    def answer(number: int, frame: FrameType | None) -> None:
        if late and late.pop() is current():
            raise DataError(
                f"{READING}: no batch came for {limit() or 0:g} s{place_here()}, which is "
                "all the time that --timeout gives",
                "Look what the dataset waits for there, or give it more time.",
            )

    def ends(wait: Wait) -> None:
        late.append(wait)
        signal.pthread_kill(main.ident or 0, signal.SIGALRM)

    before = signal.signal(signal.SIGALRM, answer)
    try:
        yield ends
    finally:
        signal.signal(signal.SIGALRM, before)
