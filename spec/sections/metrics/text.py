"""Metrics of texts."""

from pydantic import Field

from ...releases.libraries import SACREBLEU
from ..section import Block, Section
from .measure import Measure


class BLEU(Measure):
    """BLEU of translations."""

    higher_is_better = True

    @property
    def packages(self) -> tuple[str, ...]:
        return (SACREBLEU,)


class SquadF1(Measure):
    """F1 of answers for SQuAD."""

    higher_is_better = True


# In the section, a field hides the class that it is called after.
_BLEU = BLEU
_SquadF1 = SquadF1


class Catalogue(Section):
    """What `metric` can name of these."""

    BLEU: Block[_BLEU] = Field(
        default=None, description="Overlap of translations with references."
    )
    SquadF1: Block[_SquadF1] = Field(
        default=None, description="F1 of answers for SQuAD."
    )
