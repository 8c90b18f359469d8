"""BLEU."""

from __future__ import annotations

from typing import Any

from ....common.errors import DataError
from ....common.optional import optional
from ..metric import OfAllSamples
from ..values import LABELS, OUTPUTS, given_labels, one_output, texts


class BLEU(OfAllSamples):
    """BLEU of translations, 0 to 100, by sacrebleu.

    Of the whole corpus, in lower case, with sacrebleu's international tokenizer, orders
    up to 4, exponential smoothing: what Neural Compressor's approximation stands for.
    Predictions and labels are texts (n,), one reference for each.
    """

    name = "BLEU"

    def __init__(self) -> None:
        self._found: list[str] = []
        self._wanted: list[str] = []
        self._library()

    def take(self, predictions: Any, labels: Any) -> None:
        takes = f"{self.name} takes texts"
        found = texts(one_output(predictions, self.name), OUTPUTS, takes)
        wanted = texts(given_labels(labels, self.name), LABELS, takes)
        if len(found) != len(wanted):
            raise DataError(
                f"{self.name} takes one reference for each text: the model gives "
                f"{len(found)} texts, the data has {len(wanted)}",
                "Check which column of the data is the label.",
            )
        self._found += found
        self._wanted += wanted

    def forget(self) -> None:
        self._found.clear()
        self._wanted.clear()

    def value(self) -> float:
        """The score."""
        bleu = self._library().BLEU(lowercase=True, tokenize="intl")
        return float(bleu.corpus_score(self._found, [self._wanted]).score)

    def _library(self) -> Any:
        return optional("sacrebleu", self.name)
