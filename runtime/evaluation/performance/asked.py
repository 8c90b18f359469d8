"""How speed is to be measured, and on which cores."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

INTRA = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)
INTER = ("TF_NUM_INTEROP_THREADS",)
"""What frameworks read when they are imported."""


@dataclass(frozen=True, slots=True)
class Performance:
    """Neural Compressor's `evaluation.performance`.

    Attributes:
        warmup: Rounds that are not timed; a round is one batch for each model.
        iterations: Rounds that are, None for as many as `timing.interleaved` takes.
        batch_size: Samples of a batch, None for the data's own.
        instances: Processes that run at once, each on cores of its own.
        cores: Of one process, None for its share of all.
        intra_threads, inter_threads: Within and between ops, None for the framework's
            own choice, which goes by the cores.
    """

    warmup: int = 5
    iterations: int | None = None
    batch_size: int | None = None
    instances: int = 1
    cores: int | None = None
    intra_threads: int | None = None
    inter_threads: int | None = None

    @property
    def threads(self) -> dict[str, str]:
        """Environment variables that set the threads."""
        intra = self.intra_threads or self.cores
        found = dict.fromkeys(INTRA, intra) | dict.fromkeys(INTER, self.inter_threads)
        return {name: str(count) for name, count in found.items() if count}


def available() -> list[int]:
    """Numbers of the cores that this process may use; none where nothing tells."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return []


def shares(asked: Performance, cores: Sequence[int]) -> list[list[int]]:
    """The cores of each instance; fewer instances than asked for where they don't fit.

    Args:
        cores: What there is; none where no process can be bound, and there is one then.
    """
    if not cores:
        return [[]]
    each = min(asked.cores or max(1, len(cores) // asked.instances), len(cores))
    count = min(asked.instances, len(cores) // each)
    return [list(cores[k * each : (k + 1) * each]) for k in range(count)]


@contextmanager
def bound(cores: Sequence[int], threads: dict[str, str]) -> Iterator[None]:
    """Processes that are started inside run on these cores, as by taskset, with so many
    threads."""
    before = {name: os.environ.get(name) for name in threads}
    mask = os.sched_getaffinity(0) if cores else None
    os.environ.update(threads)
    try:
        if mask is not None:
            os.sched_setaffinity(0, cores)
        yield
    finally:
        if mask is not None:
            os.sched_setaffinity(0, mask)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
