"""Work in a fresh process: nothing of the search is left in it."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, ParamSpec, TypeVar, cast

from ..errors import ModelError, UsageError
from ..telling.heartbeat import beating
from ..telling.waiting import limit, limit_reading, waiting
from .main_module import in_main, main_runs_once
from .parent import obey_the_parent
from .staying import one_process

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E", bound=BaseException)

SECONDS = 1.0
"""How often a process that says nothing is asked whether it lives."""

MEMORY = "Where it ran out of memory, a smaller batch_size helps."


@dataclass(frozen=True, slots=True)
class FreshProcess:
    """What a newly started Python is for, so that its death is told as what it was.

    Attributes:
        did: Ends "the process that ...".
        remedy: What helps if it dies of that.
    """

    did: str
    remedy: str = MEMORY

    def call(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a module-level function there and return its result.

        What it raises is raised here, with its traceback as a note. An interrupt ends
        the process too.

        Raises:
            ModelError: The process died (killed, out of memory).
        """
        returned, outcome = _outcome(self, function, args, kwargs)
        if not returned:
            raise outcome
        return cast(T, outcome)

    def forked(
        self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `call`, in a fork of this process where the system can: what that has
        imported need not be imported again. Only for one that has done nothing else.
        """
        ways = multiprocessing.get_all_start_methods()
        how = "fork" if "fork" in ways else "spawn"
        returned, outcome = _outcome(self, function, args, kwargs, how)
        if not returned:
            raise outcome
        return cast(T, outcome)

    def death(self, process: BaseProcess) -> ModelError:
        """What is said of a process that ended without a word of its own."""
        code = process.exitcode or 0
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        return ModelError(
            f"the process that {self.did} died: {how}", _hint(code) + self.remedy
        )


def _hint(code: int) -> str:
    """What the way in which a process ended says, before what helps."""
    if code > 0:
        return "What it wrote before may say why. "
    if code == 0:
        return "The model's, the data's or the metric's own code may have ended it. "
    if code != -signal.SIGKILL:
        return "It crashed in native code: the framework's, the model's or the data's. "
    return "Most often the system does that where memory runs out. "


def in_fresh_process(
    function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call a function as `FreshProcess` does, where its name says enough."""
    did = f"ran {getattr(function, '__name__', 'it')}"
    return FreshProcess(did).call(function, *args, **kwargs)


def _outcome(
    fresh: FreshProcess,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    how: str = "spawn",
) -> tuple[bool, Any]:
    """Whether the function returned, and what; else what it raised."""
    process, receiver = _started(fresh, function, args, kwargs, how)
    return _ended(fresh, process, receiver)


def together(
    fresh: FreshProcess,
    functions: Sequence[partial[T]],
    places: Sequence[Callable[[], AbstractContextManager[None]]],
) -> list[T]:
    """What each function returns in a process of its own, all at once.

    Args:
        places: What each process is started in.

    Raises:
        ModelError: One of them died; whatever one of them raises.
    """
    running: list[tuple[BaseProcess, Connection]] = []
    try:
        for each, place in zip(functions, places, strict=True):
            with place():
                given = each.func, each.args, each.keywords
                running.append(_started(fresh, *given))
        found = []
        for process, receiver in running:
            returned, outcome = _ended(fresh, process, receiver)
            if not returned:
                raise outcome
            found.append(outcome)
        return found
    finally:
        for process, _receiver in running:
            process.kill()
            process.join()


def _started(
    fresh: FreshProcess,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    how: str = "spawn",
) -> tuple[BaseProcess, Connection]:
    """A process that calls the function, and what it sends through."""
    context: Any = multiprocessing.get_context(how)
    receiver, sender = context.Pipe(duplex=False)
    given = sender, limit(), function, args, kwargs
    process: BaseProcess = context.Process(target=_work, args=given)
    start(fresh, process, (function, args, kwargs))
    sender.close()
    return process, receiver


def _ended(
    fresh: FreshProcess, process: BaseProcess, receiver: Connection
) -> tuple[bool, Any]:
    """What came of it, once it has ended."""
    try:
        return received(receiver, process)
    except EOFError as error:
        process.join()
        raise fresh.death(process) from error
    except BaseException:
        process.kill()
        raise
    finally:
        process.join()
        receiver.close()


def start(fresh: FreshProcess, process: BaseProcess, handed: Any) -> None:
    """Start a process with what is handed to it; interrupts are this one's to answer.

    Raises:
        UsageError: That can't be handed over: nothing has run yet.
    """
    with (
        interrupts_stay_here(signal.SIGINT, signal.SIGTERM),
        main_runs_once(in_main(handed)),
    ):
        try:
            process.start()
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise UsageError(
                f"what the process that {fresh.did} needs can't be handed to it: {error}",
                "Give functions and classes of a module, not of another function.",
            ) from error


def received(receiver: Connection, process: BaseProcess) -> tuple[bool, Any]:
    """What the process sends; its end is not taken from the pipe alone, which its own
    children may hold open.

    Raises:
        EOFError: It died.
    """
    with waiting("waiting for it") as wait:
        while True:
            while not receiver.poll(SECONDS):
                if not process.is_alive() and not receiver.poll():
                    raise EOFError
            found = receiver.recv()
            if not isinstance(found, Waits):
                return cast(tuple[bool, Any], found)
            wait.heard = found.heard


@contextmanager
def interrupts_stay_here(*signals: signal.Signals) -> Iterator[None]:
    """Ctrl-C reaches all processes of a terminal: the parent alone is to answer it.

    What is started meanwhile is born with these signals blocked.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Starting it later would unblock them: CPython 3.11 does not restore the mask.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass(frozen=True, slots=True)
class Waits:
    """What a process says before it is done: what it waits for, and how long."""

    heard: tuple[str, float] | None


def _work(
    sender: Connection,
    most: float | None,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> None:
    obey_the_parent()
    limit_reading(most)
    waited = False

    def told(what: str, seconds: float) -> None:
        nonlocal waited
        if what or waited:
            sender.send(Waits((what, seconds) if what else None))
        waited = bool(what)

    # What comes back is sent when the other thread is done.
    with beating(told, last_words=lambda error: sender.send((False, error))):
        found = outcome_of(function, *args, **kwargs)
    sender.send(found)


def outcome_of(
    function: Callable[P, Any], /, *args: P.args, **kwargs: P.kwargs
) -> tuple[bool, Any]:
    """Whether a function returned, and what; else what the parent is to raise."""
    try:
        with one_process():
            return True, function(*args, **kwargs)
    except BaseException as error:
        error.add_note("In the fresh process:\n" + traceback.format_exc())
        return False, portable(error)


def portable(error: E) -> E | RuntimeError:
    """The error itself, or its text where its class doesn't survive pickling."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # a class can fail to pickle in any way; its text goes over
        found = RuntimeError(f"{type(error).__name__}: {error}")
        for note in getattr(error, "__notes__", ()):
            found.add_note(note)
        return found
    return error
