"""What one process does for a measurement of speed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import BrokenBarrierError
from typing import Any, Protocol

from ...common.timing import FEWEST, SECONDS, Clock, most_rounds
from ...frameworks.inputs import Input
from ...frameworks.protocol import Inputs, LoadSaved, Predict, first_call
from ..batches import Batches, first_inputs
from .asked import Performance

FP32 = "fp32"
"""The model as loaded."""

WAIT = 600.0
"""Seconds that an instance waits for the others."""


class Meeting(Protocol):
    """Where instances wait for each other."""

    def wait(self, timeout: float, /) -> Any: ...


@dataclass(frozen=True)
class Models:
    """What is timed, and how each is opened.

    Attributes:
        load_model: The script's.
        predictor: Makes what that returns callable.
        files: Name → what was saved.
    """

    load_model: Callable[[], Any]
    predictor: Callable[[Any, Sequence[Input]], Predict]
    load_saved: LoadSaved
    files: Mapping[str, Path]
    batches: Batches
    declared: Sequence[Input]

    @property
    def names(self) -> tuple[str, ...]:
        """Of all models."""
        return FP32, *self.files

    def opened(self, name: str) -> Predict:
        """The model of this name."""
        if name == FP32:
            return self.predictor(self.load_model(), self.declared)
        return self.load_saved(self.files[name])


def timed_instance(
    models: Models, asked: Performance, clock: Clock, meeting: Meeting
) -> tuple[dict[str, list[float]], int]:
    """Seconds of each batch by model, and how many samples a batch has.

    Args:
        meeting: Where all instances are waited for before the first round.
    """
    inputs, size = cut(first_inputs(models.batches), models.declared, asked.batch_size)
    opened = {name: models.opened(name) for name in models.names}
    calls = {name: partial(first_call, each, inputs) for name, each in opened.items()}
    for _round in range(asked.warmup):
        for call in calls.values():
            call()
    with suppress(BrokenBarrierError):  # another one failed, and will say so
        meeting.wait(WAIT)
    return rounds(calls, clock, asked.iterations), size


def rounds(
    calls: Mapping[str, Callable[[], object]], clock: Clock, iterations: int | None
) -> dict[str, list[float]]:
    """Seconds of each call, all in turn.

    Args:
        iterations: How often; None for as many as fit in SECONDS, at least FEWEST.
    """
    taken: dict[str, list[float]] = {name: [] for name in calls}
    began, done = clock(), 0
    while True:
        for name, call in calls.items():
            start = clock()
            call()
            taken[name].append(clock() - start)
        done += 1
        if iterations is not None:
            if done >= iterations:
                return taken
        elif done >= most_rounds(SECONDS) or (
            done >= FEWEST and clock() - began >= SECONDS
        ):
            return taken


def peak_of(models: Models, asked: Performance, name: str) -> int | None:
    """The most memory of this process, in bytes, which opens and runs this model alone."""
    inputs, _size = cut(first_inputs(models.batches), models.declared, asked.batch_size)
    opened = models.opened(name)
    for _round in range(max(1, asked.warmup)):
        first_call(opened, inputs)
    return most_memory()


def most_memory() -> int | None:
    """The most that this process had in memory so far; None where nothing says it.

    Linux' getrusage counts what the parent had when it started this process.
    """
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None


def cut(
    inputs: Inputs, declared: Sequence[Input], size: int | None
) -> tuple[Inputs, int]:
    """A batch with no more samples than this, and how many it has.

    Inputs are cut that have as many rows as the first, if no other size is declared for
    all batches.
    """
    first: Any = next(iter(inputs), None)
    rows = _rows(first) or 1
    fixed = any(each.shape and isinstance(each.shape[0], int) for each in declared)
    if size is None or size >= rows or fixed:
        return inputs, rows

    return tuple(_cut(each, rows, size) for each in inputs), size


def _cut(array: Any, rows: int, size: int) -> Any:
    return array[:size] if _rows(array) == rows else array


def _rows(array: Any) -> int | None:
    """The size of its first dimension, None of what has none."""
    return next(iter(map(int, getattr(array, "shape", ()))), None)
