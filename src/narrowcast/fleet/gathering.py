"""Tasks are handed to an executor, and their outcomes gathered as they come."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from narrowcast.runtime.common.errors import first_line

from .sign import Sign
from .task import FAILED, INTERRUPTED, LOOKS, Outcome, Task, convert

Tell = Callable[[str], None]
LONGEST = 400
"""Characters of what an engine says."""

GIVEN_UP = "the engine gave it up"
NEEDED = "its workers need narrowcast, and what the scripts import"


@dataclass
class Signals:
    """Ctrl-C and SIGTERM so far."""

    count: int = 0

    def answer(self, number: int, frame: FrameType | None) -> None:
        self.count += 1


def gathered(
    tasks: Sequence[Task],
    executor: Executor,
    sign: Sign,
    told: Callable[[Outcome], None],
    say: Tell,
) -> tuple[Outcome, ...]:
    """What came of each, in their order; one that fails stops no other.

    A first signal lets no other begin and those that run end in their own time, a second
    one kills them.

    Args:
        told: Gets each outcome as it comes.
        say: Told what a signal leads to.
    """
    found: dict[Future[Outcome], Outcome] = {}
    with _listening() as signals:
        sent = {executor.submit(convert, task): task for task in tasks}
        heard = 0
        while left := [each for each in sent if each not in found]:
            done, _rest = wait(left, timeout=LOOKS, return_when="FIRST_COMPLETED")
            for future in done:
                found[future] = _outcome(future, sent[future])
                told(found[future])
            if signals.count > heard:
                heard = signals.count
                if heard > 1:
                    sign.remove()
                    break
                say(
                    "interrupt: what runs may end in its own time; a second one kills it"
                )
                sign.end()
            sign.beat()
    return tuple(found.get(each) or _left(task) for each, task in sent.items())


@contextmanager
def _listening() -> Iterator[Signals]:
    """Signals are counted while this lasts."""
    signals, before = Signals(), {}
    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, signals.answer)
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _outcome(future: Future[Outcome], task: Task) -> Outcome:
    try:
        return future.result()
    except CancelledError:
        said = "the engine let go of it: see whether its scheduler runs"
    except ImportError as error:
        said = f"{GIVEN_UP}: {first_line(error)}: {NEEDED}"
    except Exception as error:  # what an engine says of a worker that died is its own
        words = " ".join(str(error).split())[:LONGEST]
        said = f"{GIVEN_UP}: {type(error).__name__}: {words}"
    return Outcome(task.spec, task.name, FAILED, said)


def _left(task: Task) -> Outcome:
    return Outcome(task.spec, task.name, INTERRUPTED, "killed, or not begun")
