"""F1 of answers, as SQuAD 1.1 judges them."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ....common.errors import DataError
from ..metric import OfAllSamples
from ..values import LABELS, OUTPUTS, given_labels, one_output, texts

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)


class SquadF1(OfAllSamples):
    """The mean over questions of the F1 of words between an answer and the wanted one
    that it is most like, 0 to 100 (Rajpurkar et al., "SQuAD: 100,000+ questions", 2016).

    Predictions are texts (n,), labels the right answers of each, one text or several.
    """

    name = "SQuAD F1"

    def __init__(self) -> None:
        self._scores: list[float] = []

    def take(self, predictions: Any, labels: Any) -> None:
        output = one_output(predictions, self.name)
        wanted = given_labels(labels, self.name)
        found = texts(output, OUTPUTS, f"{self.name} takes answers")
        if len(found) != len(wanted):
            raise DataError(
                f"{self.name} takes the answers to each question: the model gives "
                f"{len(found)}, the data has {len(wanted)}",
                "Check which column of the data is the label.",
            )
        for text, answers in zip(found, wanted, strict=True):
            known = texts(answers, LABELS, f"{self.name} takes answers")
            self._scores.append(best_f1(text, known))

    def forget(self) -> None:
        self._scores.clear()

    def value(self) -> float:
        """The mean.

        Raises:
            DataError: No question was answered.
        """
        if not self._scores:
            raise DataError(
                f"{self.name} has no question to judge",
                "Check that the data and the file of questions belong together.",
            )
        return 100 * sum(self._scores) / len(self._scores)


def best_f1(answer: str, wanted: Sequence[str]) -> float:
    """The largest F1 of words with one of the wanted answers, 0 to 1."""
    return max((f1_of_words(answer, each) for each in wanted), default=0.0)


def f1_of_words(answer: str, wanted: str) -> float:
    """F1 of the words of two texts, each as often as it stands there."""
    found, known = words(answer), words(wanted)
    same = (found & known).total()
    if not same:
        return 0.0
    return 2 * same / (found.total() + known.total())


def words(text: str) -> Counter[str]:
    """The words of a text in lower case, without punctuation and articles."""
    plain = text.lower().translate(PUNCTUATION)
    return Counter(ARTICLES.sub(" ", plain).split())
