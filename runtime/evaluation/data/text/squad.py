"""Questions about paragraphs, SQuAD's, in windows that a model takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ....common.errors import DataError
from ..files.lines import missing
from .tokenizer import Tokenizer, Tokens, filled, read_tokenizer

FIRST = 1_000_000_000
"""The `unique_id` of the first window, in BERT's run_squad.py and what goes by it."""

OPTION = "dataset.bert.label_file"

ORIGIN = "SQuAD 1.1 comes from https://rajpurkar.github.io/SQuAD-explorer."


@dataclass(frozen=True)
class Question:
    """A question, and the paragraph that answers it.

    Attributes:
        id: SQuAD's.
        answers: What counts as right; several people were asked.
    """

    id: str
    text: str
    context: str = field(repr=False)
    answers: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class Window:
    """A question with a part of its paragraph, as tokens.

    Attributes:
        question: Its number in the file.
        ids, segments: (tokens,), with the marks, without what fills up.
        places: (tokens, 2): from which character of the paragraph to before which a
            token stands, -1 for those of the question and marks.
    """

    question: int
    ids: Tokens = field(repr=False)
    segments: Tokens = field(repr=False)
    places: Tokens = field(repr=False)


@dataclass(frozen=True)
class Squad:
    """The windows of all questions, in order.

    Attributes:
        path: The file of questions, which is one document and in memory.
        segments: Whether the model takes which text a token is of.
    """

    path: Path
    tokenizer: Tokenizer
    questions: tuple[Question, ...] = field(repr=False)
    windows: tuple[Window, ...] = field(repr=False)
    segments: bool = True

    @property
    def files(self) -> tuple[Path, ...]:
        return self.path, self.tokenizer.path

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> tuple[tuple[Tokens, ...], np.int64]:
        """Tokens, attention mask and, where asked for, segments; and the window's
        `unique_id`, by which a postprocess finds its question."""
        window = self.windows[index]
        length, padding = self.tokenizer.length, self.tokenizer.padding
        parts = (
            filled(window.ids, length, padding),
            filled(np.ones_like(window.ids), length, 0),
            filled(window.segments, length, 0),
        )
        return parts if self.segments else parts[:2], np.int64(FIRST + index)


def read_squad(
    path: Path,
    tokenizer: Path,
    *,
    length: int = 384,
    stride: int = 128,
    question_length: int = 64,
    lower_case: bool | None = None,
    segments: bool = True,
    option: str = OPTION,
) -> Squad:
    """The questions of a file, in windows as BERT's run_squad.py makes them.

    Args:
        path: SQuAD's JSON, of version 1.1.
        tokenizer: Its file or folder, as `read_tokenizer` takes it.
        length: Tokens of a window.
        stride: Tokens from the beginning of a paragraph's window to that of its next.
        question_length: The most tokens of a question that are taken.
        lower_case: As `read_tokenizer` takes it.
        option: What names the file in a spec.

    Raises:
        DataError: A file is missing or damaged.
        RequirementError: The library `tokenizers` is not installed.
    """
    made = read_tokenizer(tokenizer, length=length, lower_case=lower_case)
    questions = tuple(read_questions(path, option))
    windows = tuple(
        window
        for number, question in enumerate(questions)
        for window in _windows(number, question, made, stride, question_length)
    )
    return Squad(path, made, questions, windows, segments)


def read_questions(path: Path, option: str = OPTION) -> Iterator[Question]:
    """The questions of SQuAD's JSON, in order.

    Raises:
        DataError: It is missing, or is built otherwise.
    """
    try:
        document = json.loads(path.read_bytes())
        for article in document["data"]:
            for paragraph in article["paragraphs"]:
                for asked in paragraph["qas"]:
                    yield _question(asked, paragraph["context"])
    except OSError as error:
        raise missing(path, option, error, ORIGIN) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path.name} is not SQuAD's: {type(error).__name__}: {error}",
            f"{ORIGIN} Check {option}.",
        ) from error


def _question(asked: dict[str, Any], context: str) -> Question:
    answers = tuple(str(answer["text"]) for answer in asked.get("answers", ()))
    return Question(str(asked["id"]), str(asked["question"]), context, answers)


def _windows(
    number: int, question: Question, tokenizer: Tokenizer, stride: int, most: int
) -> Iterator[Window]:
    for found in tokenizer.windows(question.text, question.context, stride, most):
        places = np.full((len(found.ids), 2), -1, np.int64)
        for k, (text, span) in enumerate(
            zip(found.sequence_ids, found.offsets, strict=True)
        ):
            if text == 1:
                places[k] = span
        yield Window(
            number,
            np.asarray(found.ids, np.int64),
            np.asarray(found.type_ids, np.int64),
            places,
        )
