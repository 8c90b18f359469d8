"""Work in a fresh process: nothing of the search is left in it."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, ParamSpec, TypeVar, cast

from .errors import ModelError, UsageError

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E", bound=BaseException)

SECONDS = 1.0
"""How often a process that says nothing is asked whether it lives."""

MEMORY = "Where it ran out of memory, a smaller batch_size helps."

MAIN = b"_main__"
"""Ends the names that pickle has for a process's main module, itself begun so or not."""

_hiding = threading.Lock()


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
) -> tuple[bool, Any]:
    """Whether the function returned, and what; else what it raised."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sender, function, args, kwargs))
    with (
        interrupts_stay_here(signal.SIGINT, signal.SIGTERM),
        main_runs_once(in_main((function, args, kwargs))),
    ):
        _start(fresh, process)
    sender.close()
    try:
        return _received(receiver, process)
    except EOFError as error:
        process.join()
        raise fresh.death(process) from error
    except BaseException:
        process.kill()
        raise
    finally:
        process.join()
        receiver.close()


def _start(fresh: FreshProcess, process: BaseProcess) -> None:
    """Raise a UsageError for what can't be handed over: nothing has run yet."""
    try:
        process.start()
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise UsageError(
            f"what the process that {fresh.did} needs can't be handed to it: {error}",
            "Give functions and classes of a module, not of another function.",
        ) from error


def in_main(handed: Any) -> bool:
    """Whether something of what is handed over is found in the user's main module.

    So it is taken to be where pickle alone does not say: locks and pipes go over only
    as a process starts.

    Raises:
        UsageError: It is, and no other process can run that module.
    """
    try:
        found = MAIN in pickle.dumps(handed, pickle.HIGHEST_PROTOCOL)
    except Exception:  # a class can fail to pickle in any way; starting tells of it
        return True
    if found and not _can_run_again(sys.modules["__main__"]):
        raise UsageError(
            "what a new process needs is in a notebook, or in a script that was read "
            "from standard input, where it can't be found again",
            "Put functions and classes into a module, and import them.",
        )
    return found


def _can_run_again(main: ModuleType) -> bool:
    file = getattr(main, "__file__", None)
    return main.__spec__ is not None or (file is not None and Path(file).exists())


@contextmanager
def main_runs_once(needed: bool = False) -> Iterator[None]:
    """Processes that are started inside don't run the user's main module again.

    A spawned Python does, before all else; and a user's script without a guard would
    convert its model there once more. What starts looks for the module that is hidden
    meanwhile.

    Args:
        needed: They must, for what is handed to them is found there.
    """
    main = sys.modules.get("__main__")
    if needed or main is None:
        yield
        return
    with _hiding:
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


def _received(receiver: Connection, process: BaseProcess) -> tuple[bool, Any]:
    """What the process sends; its end is not taken from the pipe alone, which its own
    children may hold open.

    Raises:
        EOFError: It died.
    """
    while not receiver.poll(SECONDS):
        if not process.is_alive() and not receiver.poll():
            raise EOFError
    return cast(tuple[bool, Any], receiver.recv())


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


def _work(
    sender: Connection,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> None:
    _leave_terminating_to_the_parent()
    end_with_parent()
    try:
        outcome = True, function(*args, **kwargs)
    except BaseException as error:  # the parent raises it
        error.add_note("In the fresh process:\n" + traceback.format_exc())
        outcome = False, portable(error)
    sender.send(outcome)


def _leave_terminating_to_the_parent() -> None:
    """SIGTERM too may be meant for all processes; those that this one forks obey it."""
    if not hasattr(signal, "pthread_sigmask"):
        return
    process = os.getpid()

    def answer(number: int, frame: FrameType | None) -> None:
        if os.getpid() != process:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, answer)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def end_with_parent() -> None:
    """Let this process not outlive its parent, which may be killed at any time."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        watched = (parent.sentinel,)
        threading.Thread(target=_end_with, args=watched, daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


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
