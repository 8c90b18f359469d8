"""Datasets of the runtime that read and prepare each sample when it is asked for."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ...common.errors import DataError
from .arrays import Batch, Batched, Numbers
from .at_random import AtRandom, Prepare
from .indexed import Dataset, as_read, prepared, stacked

Sample = tuple[Any, Any]
"""Input, or a tuple of inputs, and label."""

AHEAD = 1
"""Batches that are read while one is in use."""

PARTS = 4
"""Of a batch for each core: few, since each costs; more than one, as samples differ."""


@dataclass(frozen=True)
class Decoded(Batched):
    """Samples that are read on all cores, in order, ahead of their use.

    Pillow and zlib let other threads run while they decode. A user's own dataset is
    `Indexed`: nobody knows whether it bears threads.

    Attributes:
        dataset: By the protocol of Neural Compressor; safe to read from many threads.
        prepare: What each sample goes through.
    """

    dataset: Dataset
    prepare: Prepare | AtRandom = as_read

    def __len__(self) -> int:
        return len(self.dataset)

    def batch(self, numbers: Numbers) -> Batch:
        samples = self._samples(numbers)
        return stacked(samples, numbers, type(self.dataset).__name__)

    def batches(
        self,
        size: int,
        *,
        limit: int | None = None,
        keep_last: bool = True,
        shuffle: int | None = None,
    ) -> Iterator[Batch]:
        """As `Batched.batches`.

        Raises:
            DataError: A sample can't be read: it is named.
        """
        waiting: deque[tuple[Numbers, list[Future[list[Sample]]]]] = deque()
        cores = _cores()
        pool = ThreadPoolExecutor(cores)
        try:
            for numbers in self.numbers(size, limit, keep_last, shuffle):
                step = -(-len(numbers) // (PARTS * cores))
                parts = (numbers[k : k + step] for k in range(0, len(numbers), step))
                read = [pool.submit(self._samples, part) for part in parts]
                waiting.append((numbers, read))
                if len(waiting) > AHEAD:
                    yield self._gathered(*waiting.popleft())
            while waiting:
                yield self._gathered(*waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def _samples(self, numbers: Numbers) -> list[Sample]:
        return [self._sample(int(number)) for number in numbers]

    def _sample(self, number: int) -> Sample:
        try:
            pair = self.dataset[number]
        except DataError as error:
            named = f"sample {number}: {error.message}"
            raise DataError(named, error.remedy) from error
        return prepared(self.prepare, pair, number, type(self.dataset).__name__)

    def _gathered(self, numbers: Numbers, read: list[Future[list[Sample]]]) -> Batch:
        samples = [sample for part in read for sample in part.result()]
        return stacked(samples, numbers, type(self.dataset).__name__)


def _cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
