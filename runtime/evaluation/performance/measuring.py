"""Measuring speed: instances at once on cores of their own, then memory by itself."""

from __future__ import annotations

import multiprocessing
from functools import partial
from pathlib import Path

from ...common.processes.fresh import FreshProcess, together
from ...common.timing import Clock
from .asked import Performance, available, bound, shares
from .instance import Models, peak_of, timed_instance
from .performed import Performed, speed

TIMED = FreshProcess(
    "timed fp32 and what was saved",
    "It holds all that is timed at once: fewer instances or a smaller batch_size help.",
)
PEAK = FreshProcess("measured the memory of one model")


def performed(models: Models, asked: Performance, clock: Clock) -> Performed:
    """Latencies, throughput, memory and sizes of all models.

    Every process loads the script's model and data for itself. All models are timed in
    turn, batch by batch, in each instance.

    Raises:
        ModelError: A process died.
    """
    cores = shares(asked, available())
    meeting = multiprocessing.get_context("spawn").Barrier(len(cores))
    calls = [partial(timed_instance, models, asked, clock, meeting) for _ in cores]
    places = [partial(bound, each, asked.threads) for each in cores]
    found = together(TIMED, calls, places)
    taken, batch = [each for each, _size in found], found[0][1]
    speeds = {}
    for name in models.names:
        with bound(cores[0], asked.threads):
            peak = PEAK.call(peak_of, models, asked, name)
        size = _size(models.files[name]) if name in models.files else None
        speeds[name] = speed([each[name] for each in taken], batch, peak, size)
    bound_to = len(cores[0]) or None
    notes = tuple(_notes(asked, batch, len(cores), bound_to))
    return Performed(speeds, batch, len(cores), bound_to, notes)


def _notes(
    asked: Performance, batch: int, instances: int, cores: int | None
) -> list[str]:
    """What was not as it was asked for."""
    notes = []
    if asked.batch_size not in (None, batch):
        notes.append(
            f"timed with {batch} samples a batch, not {asked.batch_size}: the data's "
            "batches are no larger, or the model takes no others"
        )
    if instances < asked.instances or (asked.cores or 0) > (cores or 0):
        wanted = f"{asked.instances} instances"
        wanted += f" of {asked.cores} cores" if asked.cores else ""
        notes.append(f"this machine has not enough cores for {wanted}")
    return notes


def _size(path: Path) -> int:
    """Of a file, or of all files in a folder."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(each.stat().st_size for each in files if each.is_file())
