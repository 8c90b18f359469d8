"""A whole pass over a million random samples takes the memory of a few batches."""

from __future__ import annotations

from peaks import BATCH, peak

from narrowcast.runtime.evaluation.data.decoded import Decoded
from narrowcast.runtime.evaluation.data.random.drawn import Constant, Random, Uniform

MILLION = 1_000_000


def test_a_pass_over_a_million_samples_takes_no_more_than_a_few_batches() -> None:
    data = Decoded(Random(MILLION, (Uniform((32,)),), (Constant(0),), seed=0))
    few, whole = peak(data, 8), peak(data, None)
    # What is kept of a sample: its score, twice where scores are joined; of a batch the
    # digests that say what data was seen.
    scores, digests = 2 * 8 * MILLION, 500 * MILLION // BATCH
    assert whole < few + scores + digests + 1_000_000
