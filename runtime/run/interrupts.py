"""What ends a run before its time: Ctrl-C, SIGTERM, and os._exit in the user's code.

The first signal ends the search and lets what passed be delivered.

A signal raises KeyboardInterrupt where that loses nothing: before the search, and in
its trials and estimates, which the search takes note of. Elsewhere it waits for the
next such place, so that what passed is saved, checked and put in place. The second
ends the run wherever it is.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any, NoReturn

from ..common.places import place_here
from ..evaluation.evaluation import Evaluation, Watch
from ..graph.graph import Placement, Precision
from ..search import Evaluate
from ..search.history import Attempt, History, Outcome

WAITS = b"\n  interrupt  what passed is saved and checked; a second one ends at once\n"


@dataclass
class Interrupts:
    """What became of the signals so far.

    Attributes:
        holding: Whether a first signal waits.
        came: Whether one came.
        told: File descriptor of what the user reads.
    """

    holding: bool = False
    came: bool = False
    told: int = 2

    def listen(self) -> None:
        """Answer Ctrl-C and SIGTERM from now on."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._answer)

    def _answer(self, number: int, frame: FrameType | None) -> None:
        second, self.came = self.came, True
        if second or not self.holding:
            raise KeyboardInterrupt
        os.write(self.told, WAITS)  # a stream may be in the middle of a write

    def hold(self) -> None:
        """Let a first signal wait from now on, but in what is `ending`."""
        self.holding = True

    @contextmanager
    def ending(self) -> Iterator[None]:
        """A place that a first signal ends, if it came before or comes now."""
        before, self.holding = self.holding, False
        try:
            if before and self.came:
                raise KeyboardInterrupt
            yield
        finally:
            self.holding = before


@contextmanager
def exits_are_told(say: Callable[[str], None], code: int) -> Iterator[None]:
    """While this lasts, a call of os._exit in this process is told, and 0 is not given.

    It ends a process without a word, and 0 says "done".

    A process that is forked meanwhile ends as it likes. What leaves by way of C is not
    seen.

    Args:
        say: Told the call and its place, in words.
        code: The exit code in place of what the call says.
    """
    leave, process, lasts = os._exit, os.getpid(), True

    def told(status: int) -> NoReturn:
        if lasts and os.getpid() == process:
            with suppress(Exception):  # nothing may keep it from ending
                say(f"os._exit({status!r}) was called{place_here()}")
            status = code
        leave(status)

    os._exit = told
    try:
        yield
    finally:
        os._exit, lasts = leave, False


@dataclass
class Interruptible:
    """What a history says to the search for one precision; a `History`.

    A first signal ends its steps; what they gave is written whole.

    Attributes:
        trials: How many trials the search asked for.
    """

    whole: History
    interrupts: Interrupts
    low: Precision
    trials: int = 0

    def remember(self, step: str, make: Callable[[], Any]) -> Any:
        """As the history, for this precision."""

        def made() -> Any:
            with self.interrupts.ending():
                return make()

        return self.whole.remember(f"{step} {self.low}", made)

    def trial(self, attempt: Attempt, make: Callable[[], Outcome]) -> Outcome:
        """As the history: an attempt names its precision."""
        self.trials += 1
        return self.whole.trial(attempt, make)


def interruptible(evaluate: Evaluate, interrupts: Interrupts) -> Evaluate:
    """An evaluation that a first signal ends."""

    def evaluated(placement: Placement, watch: Watch) -> Evaluation:
        with interrupts.ending():
            return evaluate(placement, watch)

    return evaluated
