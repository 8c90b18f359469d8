"""Ranges of tensors over batches, where a framework has no calibrator of its own.

"minmax" is the least and the largest value. "kl" cuts off the tails: of the ranges
within a histogram it takes the one whose values, rounded to few steps, diverge least
from all values (Kullback and Leibler's relative entropy; S. Migacz, "8-bit Inference
with TensorRT", GTC 2017). What is not finite counts as 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS, STEPS = 2048, 128
"""Of a histogram of magnitudes, and what its values are rounded to."""

SMALL = 1e-4
"""What stands for a probability of 0 that ought to be more."""

Counts = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Histogram:
    """Magnitudes of a tensor, and where its values lie.

    Attributes:
        low: The least value, at most 0.
        high: The largest value, at least 0.
        counts: Of magnitudes in equal bins from 0 to `end`; none for "minmax".
    """

    low: float = 0.0
    high: float = 0.0
    counts: Counts | None = None
    end: float = 0.0

    def with_values(self, values: npt.NDArray[np.float32], counted: bool) -> Histogram:
        """The same with the values of one more batch.

        Args:
            counted: Whether there is to be a histogram.
        """
        finite = np.where(np.isfinite(values), values, np.float32(0))
        low = min(self.low, float(finite.min(initial=0.0)))
        high = max(self.high, float(finite.max(initial=0.0)))
        if not counted:
            return Histogram(low, high)
        end, counts = _widened(self, max(-low, high))
        if end:
            found, _edges = np.histogram(np.abs(finite), BINS, (0.0, end))
            counts = counts + found
        return Histogram(low, high, counts, end)

    @property
    def minmax(self) -> tuple[float, float]:
        """All of it."""
        return self.low, self.high

    @property
    def kl(self) -> tuple[float, float]:
        """Without the tails that cost more steps than they are worth."""
        if self.counts is None or not self.end:
            return self.minmax
        most = least_divergent(self.counts) * self.end / BINS
        return max(self.low, -most), min(self.high, most)


def _widened(known: Histogram, most: float) -> tuple[float, Counts]:
    """The same bins over twice the range, until what is new fits in."""
    counts = np.zeros(BINS) if known.counts is None else known.counts
    end = known.end or most
    while end < most:
        counts = np.concatenate([counts.reshape(-1, 2).sum(1), np.zeros(BINS // 2)])
        end *= 2
    return end, counts


def least_divergent(counts: Counts) -> int:
    """How many bins from 0 on make the range that diverges least."""
    best, least = len(counts), np.inf
    for size in range(STEPS, len(counts) + 1, STEPS // 8):
        found = _divergence(counts, size)
        if found < least:
            best, least = size, found
    return best


def _divergence(counts: Counts, size: int) -> float:
    """Of the values within so many bins in steps from all, cut off there."""
    kept = counts[:size]
    clipped = kept.copy()
    clipped[-1] += counts[size:].sum()
    step = np.arange(size) * STEPS // size
    there = kept > 0
    sums = np.bincount(step, kept, STEPS)
    filled = np.bincount(step, there, STEPS)
    rounded = np.where(there, (sums / np.maximum(filled, 1))[step], 0.0)
    if not rounded.sum():
        return float(np.inf)
    p, q = clipped / clipped.sum(), rounded / rounded.sum()
    some = p > 0
    return float(np.sum(p[some] * np.log(p[some] / np.maximum(q[some], SMALL / size))))
