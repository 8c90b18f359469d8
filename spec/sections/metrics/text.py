"""Metrics of texts."""

from __future__ import annotations

from .measure import Measure


class BLEU(Measure):
    """BLEU of translations."""

    higher_is_better = True

    @property
    def packages(self) -> tuple[str, ...]:
        return ("sacrebleu>=2.4",)


class SquadF1(Measure):
    """F1 of answers for SQuAD."""

    higher_is_better = True
