"""F1 of answers, as SQuAD 1.1 judges them."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ....common.errors import DataError
from ..metric import OfAllSamples
from ..values import LABELS, OUTPUTS, given_labels, one_output, texts

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)


class SquadF1(OfAllSamples):
    """The mean over questions of the F1 of words between an answer and the wanted one
    that it is most like, 0 to 100 (Rajpurkar et al., "SQuAD: 100,000+ questions", 2016).

    Either predictions are texts (n,) and labels the wanted answers of each, one text or
    several; or predictions are a mapping from a question's id to an answer and labels
    the articles of SQuAD's file, of which only questions with an answer are judged.
    """

    name = "SQuAD F1"

    def __init__(self) -> None:
        self._scores: list[float] = []

    def take(self, predictions: Any, labels: Any) -> None:
        output = one_output(predictions, self.name)
        wanted = given_labels(labels, self.name)
        if isinstance(output, Mapping):
            for question, answers in questions(wanted):
                if question in output:
                    self._scores.append(best_f1(output[question], answers))
            return
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


def questions(articles: Any) -> Iterator[tuple[str, Sequence[str]]]:
    """Each question's id and its answers, of the `data` of SQuAD's file.

    Raises:
        DataError: They are not built so.
    """
    try:
        for article in articles:
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    wanted = [answer["text"] for answer in question["answers"]]
                    yield question["id"], wanted
    except (KeyError, TypeError) as error:
        raise DataError(
            f"labels are no articles of SQuAD's: {type(error).__name__}: {error}",
            "They are the list under `data` in dev-v1.1.json.",
        ) from error


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
