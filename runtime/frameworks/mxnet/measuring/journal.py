"""What a child that probes writes down before and after each op, and what its death says."""

from __future__ import annotations

import json
import math
import signal
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ....common.errors import ModelError
from ....graph.graph import Precision
from ...protocol import Probe

JOURNAL, SAID = "journal", "said"
"""Files: the journal, and what the child wrote on stderr."""

OUT_OF_MEMORY = f"killed by signal {int(signal.SIGKILL)}"

CRASHED = "exit code 255"
"""How a process ends that imported MXNet, which handles segmentation faults itself."""


def death(error: ModelError) -> str:
    """How a process died, by what `FreshProcess` says of it."""
    how = error.message.rpartition(": ")[2]
    return "a segmentation fault" if how == CRASHED else how


@dataclass(frozen=True)
class Journal:
    """What is known so far.

    Attributes:
        ran: The ops that the last child ran low, in order.
        since: Those of which something was written since it began to run the last.
        again: Those that were taken back.
        running: The op that was being run at the end, None if it was done.
    """

    found: dict[int, Probe]
    ran: tuple[int, ...] = ()
    since: tuple[int, ...] = ()
    again: frozenset[int] = frozenset()
    running: int | None = None


def read(folder: Path) -> Journal:
    """What the children wrote so far."""
    path, found = folder / JOURNAL, dict[int, Probe]()
    ran, since, again, running = list[int](), list[int](), set[int](), None
    for line in path.read_text().splitlines() if path.exists() else []:
        data = json.loads(line)
        key = data["key"]
        if key is None:
            ran, since, running = [], [], None
        elif "error" in data:
            output = data["output"] and Precision(data["output"])
            found[key] = Probe(output, data["error"], data["message"])
            since, running = [*since, key], None
        elif data.get("again"):
            found.pop(key, None)
            again.add(key)
        else:
            ran, since, running = [*ran, key], [], key
    return Journal(found, tuple(ran), tuple(since), frozenset(again), running)


def write(folder: Path, key: int | None, probe: Probe | None = None) -> None:
    """An op that is about to be run, or what came of it; None: a child begins."""
    _append(folder, {"key": key, **(asdict(probe) if probe else {})})


def _take_back(folder: Path, key: int) -> None:
    """What came of an op is not known after all."""
    _append(folder, {"key": key, "again": True})


def _append(folder: Path, line: dict[str, Any]) -> None:
    with (folder / JOURNAL).open("a") as journal:
        journal.write(json.dumps(line) + "\n")


def bury(folder: Path, error: ModelError) -> bool:
    """Write down what the op did that the child died of; whether it was one.

    Another op may have spoilt the child's memory: only one that a child dies of before
    it ran any other is to blame. Else the next child begins with the last that was run.
    """
    state = read(folder)
    if not state.ran or (state.running is None and death(error) == OUT_OF_MEMORY):
        return False
    last = state.ran[-1]
    certain = state.running is not None or last in state.again
    if len(state.ran) == 1 and certain:
        path = folder / SAID
        said = path.read_text(errors="replace") if path.exists() else ""
        text = f"its kernel ends the process ({_reason(said) or death(error)})"
        blamed = Probe(None, math.inf, text)
        for key in {last, *state.since}:
            write(folder, key, blamed)
    else:
        for key in state.since:
            _take_back(folder, key)
    return True


def _reason(said: str) -> str:
    """What MXNet wrote before it aborted."""
    for line in said.splitlines():
        for mark in ("what():", "Check failed:", "Error:"):
            if mark in line:
                return line.partition(mark)[2].strip()[:160]
    return ""
