"""How much memory an evaluation of many samples takes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

from narrowcast.runtime.evaluation.data.arrays import Batched
from narrowcast.runtime.evaluation.evaluation import evaluate
from narrowcast.runtime.evaluation.metrics.topk import TopK

BATCH = 250


def peak(data: Batched, batches: int | None, shuffle: int | None = None) -> int:
    """The most bytes that Python and NumPy had at once in an evaluation."""

    def read() -> Iterator[tuple[Any, Any]]:
        return data.batches(BATCH, limit=batches, shuffle=shuffle)

    tracemalloc.start()
    evaluate(lambda inputs: (inputs[0][:, :10],), read, TopK)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found
