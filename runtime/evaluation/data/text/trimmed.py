"""Batches of tokens, no longer than their longest text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..arrays import Batch, Numbers
from ..decoded import Decoded


@dataclass(frozen=True)
class Trimmed(Decoded):
    """Samples of tokens, an attention mask as the second input, and others like them.

    Each batch is cut to its last token that the mask has.
    """

    def batch(self, numbers: Numbers) -> Batch:
        return trimmed(super().batch(numbers))

    def batches(
        self,
        size: int,
        *,
        limit: int | None = None,
        keep_last: bool = True,
        shuffle: int | None = None,
    ) -> Iterator[Batch]:
        """As `Decoded.batches`."""
        for batch in super().batches(
            size, limit=limit, keep_last=keep_last, shuffle=shuffle
        ):
            yield trimmed(batch)


def trimmed(batch: Batch) -> Batch:
    """Inputs (samples, length) cut where the mask, the second of them, is 0 for all."""
    inputs, labels = batch
    used = np.flatnonzero(inputs[1].any(axis=0))
    length = int(used[-1]) + 1 if len(used) else 1
    return tuple(each[:, :length] for each in inputs), labels
