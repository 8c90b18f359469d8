"""A fresh process that is asked, again and again."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from .fresh import FreshProcess, outcome_of, received, start
from .parent import obey_the_parent

Answer = Callable[[Any], Any]
"""What is asked; questions and answers are pickled."""


@contextmanager
def answering(
    fresh: FreshProcess, make: Callable[..., Answer], /, *args: Any
) -> Iterator[Answer]:
    """What a module-level function makes in a newly started Python, to be called here.

    What it raises there is raised here, with its traceback as a note. The process ends
    with the block.

    Raises:
        ModelError: The process died.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_answer, args=(theirs, make, args))
    start(fresh, process, (make, args))
    theirs.close()

    def said() -> Any:
        try:
            returned, outcome = received(ours, process)
        except (EOFError, OSError) as error:
            process.join()
            raise fresh.death(process) from error
        if not returned:
            raise outcome
        return outcome

    def ask(question: Any) -> Any:
        # Not by Connection.send: PyTorch would let tensors share their memory.
        asked = pickle.dumps(question, pickle.HIGHEST_PROTOCOL)
        try:
            ours.send_bytes(asked)
        except OSError as error:
            process.join()
            raise fresh.death(process) from error
        return said()

    try:
        said()
        yield ask
    finally:
        process.kill()
        process.join()
        ours.close()


def _answer(pipe: Connection, make: Callable[..., Answer], args: Any) -> None:
    obey_the_parent()
    made, answer = outcome_of(make, *args)
    pipe.send((made, None if made else answer))
    while made:
        try:
            question = pipe.recv_bytes()
        except EOFError:
            return
        pipe.send(outcome_of(_answered, answer, question))


def _answered(answer: Answer, question: bytes) -> Any:
    return answer(pickle.loads(question))
