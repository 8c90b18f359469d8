"""From the logits of a BERT to answers, as for SQuAD 1.1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ...data.text.squad import FIRST, Squad, Window, read_squad
from ..metric import Metric, OfAllSamples
from ..values import OUTPUTS, numbers

Best = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]
"""Places in a feature with their logits, the largest first."""


class SquadV1(OfAllSamples):
    """The metric of the answers that start and end logits stand for.

    Predictions are (numbers of the features, start logits, end logits), or the logits
    alone: (start, end), each (n, max_seq_length), or one array (n, max_seq_length, 2) or
    (2, n, max_seq_length). Labels are the numbers of the features, where outputs don't
    say them; without numbers, samples are the features in the order of the questions.
    The metric gets the answers to all questions whose features all came, and for each
    the texts that are right.
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
            vocab_file: The tokens of the model's WordPiece, one a line, or its
                tokenizer.json.
            n_best_size: Starts and ends of each feature that are looked at.
            max_seq_length: Tokens of a feature, with padding.
            max_query_length: Tokens of a question; more are cut off.
            max_answer_length: Tokens of an answer.
            do_lower_case: Whether the model reads lower case alone, without accents.
            doc_stride: Tokens between the beginnings of two windows of a context.
        """
        self.name = str(getattr(metric, "name", type(metric).__name__))
        self.longest, self.most = max_answer_length, n_best_size
        self._metric = metric
        self._squad = _read(
            label_file,
            vocab_file,
            (_changed(label_file), _changed(vocab_file)),
            length=max_seq_length,
            stride=doc_stride,
            question_length=max_query_length,
            lower_case=do_lower_case,
        )
        self.forget()

    def take(self, predictions: Any, labels: Any) -> None:
        given, starts, ends = _logits(predictions, self._squad.tokenizer.length)
        given = _numbered(labels, len(starts)) if given is None else given
        count = len(self._squad)
        for row in range(len(starts)):
            number = int(given[row]) - FIRST if given is not None else len(self._seen)
            if not 0 <= number < count:
                raise DataError(
                    f"SquadV1: sample {number} is none of the {count} features that "
                    "label_file has",
                    "The data was made of another file, or with other values of "
                    "max_seq_length, max_query_length or doc_stride.",
                )
            best = _best(starts[row], self.most), _best(ends[row], self.most)
            self._seen[number] = best

    def forget(self) -> None:
        self._seen: dict[int, tuple[Best, Best]] = {}
        self._metric.reset()

    def value(self) -> float:
        """The metric of all answers."""
        self._metric.reset()
        answers = dict(self.answers())
        right = [list(self._squad.questions[number].answers) for number in answers]
        self._metric.update(np.array(list(answers.values()), object), right)
        return self._metric.result()

    def answers(self) -> Iterator[tuple[int, str]]:
        """The number of each question whose features all came, and its answer."""
        numbered = enumerate(self._squad.windows)
        for question, group in groupby(numbered, key=lambda each: each[1].question):
            own = list(group)
            if all(number in self._seen for number, _window in own):
                yield question, self._answer(question, own)

    def _answer(self, question: int, own: Sequence[tuple[int, Window]]) -> str:
        """The span with the largest sum of logits; "empty" where none is allowed."""
        windows = [window for _number, window in own]
        best, text = -np.inf, "empty"
        context = self._squad.questions[question].context
        for number, window in own:
            for score, first, last in self._spans(window, *self._seen[number]):
                if score <= best:
                    break
                begins = int(window.places[first, 0])
                if owns(begins, window, windows):
                    best, text = score, context[begins : window.places[last, 1]]
                    break
        return text

    def _spans(
        self, window: Window, starts: Best, ends: Best
    ) -> Iterator[tuple[float, int, int]]:
        """Sum of logits, first and last place of each span that can be an answer, the
        largest first; equal ones in the order of starts and ends."""
        firsts, lasts = starts[0][:, None], ends[0][None]
        allowed = (firsts <= lasts) & (lasts - firsts < self.longest)
        allowed &= _shown(window, firsts) & _shown(window, lasts)
        sums = starts[1][:, None] + ends[1][None]
        for place in np.argsort(-sums, axis=None, kind="stable"):
            row, column = divmod(int(place), sums.shape[1])
            if allowed[row, column]:
                span = int(starts[0][row]), int(ends[0][column])
                yield float(sums[row, column]), *span


def owns(begins: int, window: Window, windows: Sequence[Window]) -> bool:
    """Whether a window shows most of what is around a token of the context.

    Of the windows of its question: the smaller of the tokens before and behind, and
    where that is equal the length, then the first (BERT's run_squad.py).

    Args:
        begins: The token's first character.
    """

    def around(each: Window) -> float:
        known = each.places[each.places[:, 0] >= 0, 0]
        before = int(np.searchsorted(known, begins))
        if before == len(known) or known[before] != begins:
            return -1.0
        return min(before, len(known) - 1 - before) + 0.01 * len(known)

    return max(windows, key=around) is window


def _shown(window: Window, places: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which places of a feature hold a token of the context."""
    within = places < len(window.places)
    found = window.places[np.where(within, places, 0), 0] >= 0
    return np.asarray(within & found)


def _numbered(labels: Any, count: int) -> Any:
    """Labels that are numbers of features, (n,); None for others."""
    found = labels if isinstance(labels, np.ndarray) else None
    if found is None or found.size != count or found.dtype.kind not in "iu":
        return None
    return found.reshape(-1) if count and found.min() >= FIRST else None


def _best(logits: npt.NDArray[Any], most: int) -> Best:
    wide = logits.astype(np.float64)
    order = np.argsort(-wide, kind="stable")[:most]
    return order, wide[order]


def _logits(predictions: Any, length: int) -> tuple[Any, Any, Any]:
    """Numbers of the features or None, starts and ends (n, length).

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
    shape = len(found[0]) if found[0].ndim else 0, length
    counted = given is None or given.size == shape[0]
    if len(found) != 2 or {each.shape for each in found} != {shape} or not counted:
        came = ", ".join(str(np.shape(part)) for part in parts)
        raise DataError(
            f"{takes} of {length} tokens, the model gives {came}",
            "Check max_seq_length and which outputs the model has.",
        )
    return given, found[0], found[1]


@lru_cache(maxsize=1)
def _read(
    label_file: Path, vocab_file: Path, changed: tuple[int, int], **layout: Any
) -> Squad:
    """Each pass makes a metric: the files are read once as long as they stay the same."""
    return read_squad(label_file, vocab_file, option="SquadV1.label_file", **layout)


def _changed(path: Path) -> int:
    """When a file was changed, 0 where there is none: that is told as it is read."""
    return path.stat().st_mtime_ns if path.exists() else 0
