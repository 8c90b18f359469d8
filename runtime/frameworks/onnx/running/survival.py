"""Whether a runtime survives a model: it is opened in a child first.

A runtime that crashes in native code as it opens a model, or never comes back, would
take the search with it. The child dies alone, and is started again.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from ....common.processes.fresh import interrupts_stay_here
from ....common.processes.main_module import main_runs_once

Source = bytes | Path
Open = Callable[[Source, int], object]
"""Opens a model in a way (a level of optimization); a module-level function."""

SECONDS = 1.0
"""How often a child that says nothing is asked whether it lives."""

PATIENCE = 900.0
"""Seconds after which a runtime is taken to hang."""


class Child:
    """A process that opens models, one after the other, until it dies of one."""

    def __init__(self, open_: Open, patience: float = PATIENCE) -> None:
        self.open, self.patience = open_, patience
        self.process: BaseProcess | None = None
        self.asking = threading.Lock()
        self.pipe: Connection | None = None

    def fate(self, source: Source, way: int) -> str:
        """How the child ended as it opened a model, "" if it lives.

        What is raised there is raised again where the model is opened in earnest.
        """
        if multiprocessing.parent_process() is not None:
            return ""  # a child itself, whose death is told as what it was
        with self.asking:
            return self._fate(source, way)

    def _fate(self, source: Source, way: int) -> str:
        process, pipe = self._alive()
        try:
            pipe.send((source, way))
            waited = 0.0
            while not pipe.poll(SECONDS):
                waited += SECONDS
                if not process.is_alive() and not pipe.poll():
                    raise EOFError
                if waited >= self.patience:
                    return self._hung(process)
            pipe.recv()
        except (EOFError, OSError):
            process.join()
            self.process = None
            return died(process.exitcode or 0)
        return ""

    def _alive(self) -> tuple[BaseProcess, Connection]:
        if self.process is None or self.pipe is None or not self.process.is_alive():
            context = multiprocessing.get_context("spawn")
            self.pipe, end = context.Pipe()
            self.process = context.Process(
                target=_serve, args=(end, self.open), daemon=True
            )
            with interrupts_stay_here(), main_runs_once():
                self.process.start()
            end.close()
        return self.process, self.pipe

    def _hung(self, process: BaseProcess) -> str:
        process.kill()
        process.join()
        self.process = None
        return f"does not come back within {self.patience:.0f} s"


def died(code: int) -> str:
    """What is said of a process that ended with a code, as a predicate."""
    if code == -signal.SIGKILL:
        return "is killed, most often since memory runs out,"
    if code < 0:
        return f"crashes ({signal.Signals(-code).name})"
    return f"ends the process (exit code {code})"


def _serve(pipe: Connection, open_: Open) -> None:
    """Open what comes, until the other end is closed."""
    while True:
        try:
            source, way = pipe.recv()
        except EOFError:
            return
        with suppress(Exception):  # it is raised again where it counts
            open_(source, way)
        pipe.send(True)
