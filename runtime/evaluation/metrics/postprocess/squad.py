"""From the logits of a BERT to answers, as for SQuAD 1.1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ..metric import Metric, OfAllSamples
from ..values import OUTPUTS, numbers
from .features import Feature, Layout, Questions, owns, read_questions

FIRST = 1_000_000_000
"""The number that the first feature has in the data that BERT's own script makes."""

Ranked = tuple[tuple[int, float], ...]
"""Places in a feature with their logits, the largest first."""


class SquadV1(OfAllSamples):
    """The metric of the answers that start and end logits stand for.

    Predictions are (numbers of the features, start logits, end logits), or the logits
    alone: (start, end), each (n, max_seq_length), or one array (n, max_seq_length, 2) or
    (2, n, max_seq_length). Labels are the numbers of the features, where outputs don't
    say them; without numbers, samples are the features in the order of the questions.
    The metric gets a mapping from each question whose features all came to its answer,
    and the articles of `label_file`.
    """

    def __init__(
        self,
        metric: Metric,
        label_file: Path,
        vocab_file: Path,
        n_best_size: int = 20,
        max_seq_length: int = 384,
        max_query_length: int = 64,
        max_answer_length: int = 30,
        do_lower_case: bool = True,
        doc_stride: int = 128,
    ) -> None:
        """
        Args:
            label_file: SQuAD's JSON with contexts, questions and answers.
            vocab_file: The tokens of the model's WordPiece, one a line.
            n_best_size: Starts and ends of each feature that are looked at.
            max_answer_length: Tokens of an answer.
        """
        self.name = str(getattr(metric, "name", type(metric).__name__))
        self.layout = Layout(
            max_seq_length, max_query_length, doc_stride, do_lower_case
        )
        self.longest, self.most = max_answer_length, n_best_size
        self._metric = metric
        self._questions = read_questions(label_file, vocab_file, self.layout)
        self.forget()

    def take(self, predictions: Any, labels: Any) -> None:
        given, starts, ends = self._logits(predictions)
        given = _numbered(labels, len(starts)) if given is None else given
        count = len(self._questions.features)
        for row in range(len(starts)):
            number = int(given[row]) - FIRST if given is not None else len(self._seen)
            if not 0 <= number < count:
                raise DataError(
                    f"SquadV1: sample {number} is none of the {count} features that "
                    "label_file has",
                    "The data was made of another file, or with other values of "
                    "max_seq_length, max_query_length or doc_stride.",
                )
            self._seen[number] = (
                _best(starts[row], self.most),
                _best(ends[row], self.most),
            )

    def forget(self) -> None:
        self._seen: dict[int, tuple[Ranked, Ranked]] = {}
        self._metric.reset()

    def value(self) -> float:
        """The metric of all answers."""
        self._metric.reset()
        self._metric.update(dict(self._answers()), self._questions.articles)
        return self._metric.result()

    def _answers(self) -> Iterator[tuple[str, str]]:
        """Each question's id with its answer, where all its features came."""
        found = self._questions
        numbered = enumerate(found.features)
        for question, group in groupby(numbered, key=lambda each: each[1].question):
            own = list(group)
            if all(number in self._seen for number, _feature in own):
                yield found.ids[question], self._answer(found, question, own)

    def _answer(
        self, found: Questions, question: int, own: Sequence[tuple[int, Feature]]
    ) -> str:
        """The span with the largest sum of logits; "empty" where none is allowed."""
        features = [feature for _number, feature in own]
        best, text = -np.inf, "empty"
        context, offsets = found.contexts[question]
        for number, feature in own:
            for score, first, last in self._spans(feature, *self._seen[number]):
                if score > best and owns(first, feature, features):
                    best, text = score, context[offsets[first][0] : offsets[last][1]]
        return text

    def _spans(
        self, feature: Feature, starts: Ranked, ends: Ranked
    ) -> Iterator[tuple[float, int, int]]:
        """Sum of logits, first and last token of each span that can be an answer."""
        for start, one in starts:
            first = feature.token(start)
            for end, other in ends:
                last = feature.token(end)
                if first is None or last is None:
                    continue
                if 0 <= last - first < self.longest:
                    yield one + other, first, last

    def _logits(self, predictions: Any) -> tuple[Any, Any, Any]:
        """Numbers of the features or None, starts and ends (n, max_seq_length).

        Raises:
            DataError: The outputs are no such logits.
        """
        parts = predictions if isinstance(predictions, tuple) else (predictions,)
        takes = "SquadV1 takes start and end logits"
        found = [numbers(part, OUTPUTS, takes) for part in parts]
        given = found.pop(0).reshape(-1) if len(found) == 3 else None
        if len(found) == 1 and found[0].ndim == 3:
            whole = found[0]
            found = list(np.moveaxis(whole, 2, 0) if whole.shape[2] == 2 else whole)
        shape = len(found[0]) if found[0].ndim else 0, self.layout.max_seq_length
        counted = given is None or given.size == shape[0]
        if len(found) != 2 or {each.shape for each in found} != {shape} or not counted:
            came = ", ".join(str(np.shape(part)) for part in parts)
            raise DataError(
                f"{takes} of {shape[1]} tokens, the model gives {came}",
                "Check max_seq_length and which outputs the model has.",
            )
        return given, found[0], found[1]


def _numbered(labels: Any, count: int) -> Any:
    """Labels that are numbers of features, (n,); None for others."""
    found = labels if isinstance(labels, np.ndarray) else None
    if found is None or found.size != count or found.dtype.kind not in "iu":
        return None
    return found.reshape(-1) if count and found.min() >= FIRST else None


def _best(logits: npt.NDArray[Any], most: int) -> Ranked:
    order = np.argsort(-logits.astype(np.float64), kind="stable")[:most]
    return tuple((int(place), float(logits[place])) for place in order)
