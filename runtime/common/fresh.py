"""Work in a fresh process: nothing of the search is left in it."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, ParamSpec, TypeVar, cast

from .errors import ModelError

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E", bound=BaseException)

SECONDS = 1.0
"""How often a process that says nothing is asked whether it lives."""


def in_fresh_process(
    function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call a module-level function in a newly started Python and return its result.

    What it raises is raised here, with its traceback as a note. An interrupt ends the
    process too.

    Raises:
        ModelError: The process died (killed, out of memory).
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sender, function, args, kwargs))
    with interrupts_stay_here():
        process.start()
    sender.close()
    try:
        returned, outcome = _received(receiver, process)
    except BaseException:
        process.kill()
        raise
    finally:
        process.join()
        receiver.close()
    if not returned:
        raise outcome
    return cast(T, outcome)


def _received(receiver: Connection, process: BaseProcess) -> Any:
    """What the process sends; its end is not taken from the pipe alone, which its own
    children may hold open."""
    try:
        while not receiver.poll(SECONDS):
            if not process.is_alive() and not receiver.poll():
                raise EOFError
        return receiver.recv()
    except EOFError as error:
        process.join()
        raise ModelError(
            f"the process that opened the saved model died: {_death(process)}",
            "Most often it ran out of memory: evaluate with a smaller batch_size.",
        ) from error


def _death(process: BaseProcess) -> str:
    code = process.exitcode or 0
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


@contextmanager
def interrupts_stay_here() -> Iterator[None]:
    """Ctrl-C reaches all processes of a terminal: the parent alone is to answer it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
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
    try:
        outcome = True, function(*args, **kwargs)
    except BaseException as error:  # the parent raises it
        error.add_note("In the fresh process:\n" + traceback.format_exc())
        outcome = False, portable(error)
    sender.send(outcome)


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
