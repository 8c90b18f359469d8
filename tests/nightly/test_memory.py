"""A whole pass over a million random samples takes the memory of a few batches."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from typing import Any

from narrowcast.runtime.evaluation.data.decoded import Decoded
from narrowcast.runtime.evaluation.data.random.drawn import Constant, Random, Uniform
from narrowcast.runtime.evaluation.evaluation import evaluate
from narrowcast.runtime.evaluation.metrics.topk import TopK

MILLION = 1_000_000
BATCH = 500


def most(batches: int | None) -> int:
    """The most bytes that this process ever had, after an evaluation of so many."""
    data = Decoded(Random(MILLION, (Uniform((256,)),), (Constant(0),), seed=0))

    def read() -> Iterator[tuple[Any, Any]]:
        return data.batches(BATCH, limit=batches)

    evaluate(lambda inputs: (inputs[0][:, :10],), read, TopK)
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_a_pass_over_a_million_samples_takes_no_more_than_a_few_batches() -> None:
    few, whole = most(40), most(None)
    # What is kept of a sample is its score, twice where scores are joined. The samples
    # themselves are a gigabyte.
    assert whole < few + 2 * 8 * MILLION + 16_000_000
