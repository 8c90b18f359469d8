"""Runs the children, and watches their memory and time."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

BATCH = 25
"""Seeds that one child opens."""

MEMORY = 1 << 30
"""Bytes beyond what it takes to open the file as it is."""

SECONDS, BEGIN = 60.0, 300.0
"""For one file; until the child is ready."""

PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Bad:
    """What must not happen, and the seed that makes it happen again."""

    seed: int
    what: str


@dataclass
class Swept:
    """What came of damaged files: opened all the same, refused, or worse."""

    opened: int = 0
    refused: int = 0
    bad: list[Bad] = field(default_factory=list)


def sweep(group: str, name: str, count: int) -> Swept:
    """Open `count` damaged files of a format."""
    swept, first = Swept(), 0
    while first < count:
        first = _child(group, name, first, min(first + BATCH, count), swept)
    return swept


def _child(group: str, name: str, first: int, end: int, swept: Swept) -> int:
    """Open some in a child; the seed to go on with."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        [sys.executable, "-m", "damage.child", group, name, str(first), str(end)],
        env={**environ, "PYTHONFAULTHANDLER": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
    seed, ready = first - 1, 0
    try:
        while True:
            said = _next(process, lines, ready, SECONDS if ready else BEGIN)
            if said == "ready":
                ready = _memory(process.pid)
            elif said.startswith("seed "):
                seed = int(said.removeprefix("seed "))
            elif said == "done":
                return end
            elif said == "opened":
                swept.opened += 1
            elif said == "refused":
                swept.refused += 1
            else:
                assert ready, f"{name} can't be opened as it is: {said}"
                swept.bad.append(Bad(seed, said))
                if not said.startswith("traceback"):
                    return seed + 1
    finally:
        process.kill()
        process.wait()


def _next(
    process: subprocess.Popen[str], lines: queue.Queue[str], base: int, seconds: float
) -> str:
    """The child's next word, or what became of it."""
    end = time.monotonic() + seconds
    while True:
        try:
            return lines.get(timeout=0.02)
        except queue.Empty:
            pass
        if base and _memory(process.pid) > base + MEMORY:
            return f"it takes more than {MEMORY >> 20} MiB"
        if process.poll() is not None and lines.empty():
            return f"it died: {process.returncode}"
        if time.monotonic() > end:
            return f"it hangs for {seconds:.0f} s"


def _read(stream: IO[str], lines: queue.Queue[str]) -> None:
    for line in stream:
        lines.put(line.rstrip("\n"))


def _memory(pid: int) -> int:
    """Resident bytes, 0 where the process is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0
