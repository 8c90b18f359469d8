"""What the scores so far say of all: running sums, and bets on the samples to come."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]

STAKES = 0.5 * 0.35 ** np.arange(6)
"""Shares of the largest stake that can't ruin a bettor. One bettor plays each, from
hopeless losses (many samples lost) to one lost in a thousand."""

COARSE = 1e-9
"""What a running sum may be off by, of the sum of magnitudes: far above rounding, of
which n additions make n × 2⁻⁵³ at most (Higham, "Accuracy and Stability", §4.2)."""


@dataclass
class Sums:
    """Of the scores seen so far: how many, their sum, and that of their magnitudes."""

    seen: int = 0
    sum: float = 0.0
    magnitude: float = 0.0

    def add(self, scores: Scores) -> None:
        self.seen += len(scores)
        self.sum += float(scores.sum())
        self.magnitude += float(np.abs(scores).sum())

    def mean(self, samples: int, bound: float) -> tuple[float, float]:
        """Around the mean of all samples if those to come all score `bound`."""
        left = (samples - self.seen) * bound
        middle = (self.sum + left) / samples
        margin = COARSE * (self.magnitude + abs(left)) / samples
        return (
            (middle, middle) if math.isinf(left) else (middle - margin, middle + margin)
        )


@dataclass
class Bettors:
    """They bet that the sum over all samples is more than `most`.

    Attributes:
        least: The least that one sample can be; -inf leaves nothing to bet on.
        most: What is to be refuted: "the sum is at most this".
        samples: How many there are in all.
        record: Log of the largest mean capital so far.
    """

    least: float
    most: float
    samples: int
    seen: int = 0
    total: float = 0.0
    record: float = 0.0
    capitals: npt.NDArray[np.float64] = field(
        default_factory=lambda: np.zeros(len(STAKES))
    )

    def bet(self, drawn: npt.NDArray[np.float64]) -> None:
        """Bet on each of the samples drawn next, shape (n,)."""
        if not math.isfinite(self.least) or not len(drawn):
            return
        before = self.total + np.concatenate([[0.0], np.cumsum(drawn[:-1])])
        left = self.samples - self.seen - np.arange(len(drawn))
        # The mean of what is left if the sum is `most`: under the hypothesis no draw
        # is expected above it. Below `least` the hypothesis is refuted for certain.
        expected = np.maximum((self.most - before) / left, self.least)
        room = np.maximum(expected - self.least, 1e-12 * (1 + abs(self.least)))
        gains = (drawn - expected) / room
        paths = self.capitals[:, None] + np.cumsum(
            np.log1p(STAKES[:, None] * np.maximum(gains, -1.0)), axis=1
        )
        highest = paths.max(axis=0)
        mean = highest + np.log(np.mean(np.exp(paths - highest), axis=0))
        self.record = max(self.record, float(mean.max()))
        self.capitals = paths[:, -1]
        self.total += float(drawn.sum())
        self.seen += len(drawn)
