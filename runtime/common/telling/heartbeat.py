"""A thread that says that a run goes on, and ends what it waits for too long."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from ..errors import DataError, TimeError
from ..places import place_in_main
from ..timing import Clock
from .waiting import LIMITED, Wait, current, limit

SECOND = 1.0
"""How often it looks."""

FIRST = 10.0
"""Seconds that nobody needs to be told of."""

GRACE = 5.0
"""Seconds that code has to end in, once it was told to."""

LEAVE = os._exit
"""As it was before anything watched who calls it."""

Told = Callable[[str, float], None]
"""Hears what is waited for and for how many seconds; "" and 0 where it is nothing."""


@dataclass
class Heartbeat:
    """What is said of waiting, and when it has lasted too long.

    Attributes:
        told: Hears, at each beat, what has been waited for more than FIRST seconds.
        ends: Called where what is LIMITED took longer than `waiting.limit`, once each
            time.
        gives_up: Called where it goes on for GRACE seconds all the same.
    """

    told: Told
    ends: Callable[[Wait], None]
    gives_up: Callable[[Wait], None] = lambda wait: None
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
        if wait is None or wait.what not in LIMITED or not most or lasted < most:
            return
        if not self._ended:
            self._ended = True
            self.ends(wait)
        elif lasted >= most + GRACE:
            self.gives_up(wait)


def _leaves(error: DataError) -> None:
    os.write(2, f"{error.told()}\n".encode(errors="backslashreplace"))


@contextmanager
def beating(
    told: Told,
    clock: Clock = time.monotonic,
    last_words: Callable[[DataError], None] = _leaves,
) -> Iterator[None]:
    """Beat each second while this lasts; what takes too long raises a DataError in the
    main thread, where this must be called if there is a limit.

    Code that keeps the error from getting through is left with the process.

    Args:
        last_words: Tells that error before the process ends.
    """

    def gives_up(wait: Wait) -> None:
        try:
            last_words(_too_long(wait))
        finally:
            LEAVE(DataError.exit_code)

    done = threading.Event()
    with _raising() as ends:
        heartbeat = Heartbeat(told, ends, gives_up)

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
        if late and (wait := late.pop()) is current():
            raise _too_long(wait)

    def ends(wait: Wait) -> None:
        late.append(wait)
        signal.pthread_kill(main.ident or 0, signal.SIGALRM)

    before = signal.signal(signal.SIGALRM, answer)
    try:
        yield ends
    finally:
        signal.signal(signal.SIGALRM, before)


def _too_long(wait: Wait) -> TimeError:
    said, who = LIMITED[wait.what]
    return TimeError(
        f"{wait.what}: {said} for {limit() or 0:g} s{place_in_main()}, which is "
        "all the time that --timeout gives",
        f"Look what {who} waits for there, or give it more time.",
    )
