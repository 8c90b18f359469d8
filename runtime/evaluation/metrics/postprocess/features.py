"""The features that a BERT sees of SQuAD's questions: windows of tokens.

A context longer than the model takes is read through windows that overlap (Devlin et al.,
"BERT: pre-training of deep bidirectional transformers", 2019, and its run_squad.py). What
a feature holds is `[CLS] question [SEP] window [SEP]`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ....common.errors import DataError
from ....common.optional import optional

Offsets = tuple[tuple[int, int], ...]
"""Where each token of a text begins and ends in it, in characters."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How features were made.

    Attributes:
        max_seq_length: Tokens of a feature, with padding.
        max_query_length: Tokens of a question; more are cut off.
        doc_stride: Tokens between the beginnings of two windows.
        do_lower_case: Whether the model reads lower case alone, without accents.
    """

    max_seq_length: int = 384
    max_query_length: int = 64
    doc_stride: int = 128
    do_lower_case: bool = True


@dataclass(frozen=True, slots=True)
class Feature:
    """One window of a question's context.

    Attributes:
        question: The number of the question.
        begins: The place of the window's first token in the feature.
        first: The number of that token in the context.
        length: Tokens in the window.
    """

    question: int
    begins: int
    first: int
    length: int

    def token(self, place: int) -> int | None:
        """The token of the context at a place of the feature, None elsewhere."""
        number = place - self.begins
        return self.first + number if 0 <= number < self.length else None


@dataclass(frozen=True, slots=True)
class Questions:
    """SQuAD's file with its features.

    Attributes:
        articles: The file's `data`.
        ids: Of the questions, in order.
        contexts: Of each question, its context and where that one's tokens are.
        features: Of all questions, in order.
    """

    articles: Sequence[Any]
    ids: tuple[str, ...]
    contexts: tuple[tuple[str, Offsets], ...]
    features: tuple[Feature, ...]


def read_questions(label_file: Path, vocab_file: Path, layout: Layout) -> Questions:
    """The questions of SQuAD's file, tokenised by BERT's WordPiece.

    Raises:
        DataError: A file is missing, or holds something else.
        RequirementError: `tokenizers` is not installed.
    """
    for key, path, origin in (
        ("label_file", label_file, "SQuAD 1.1's dev-v1.1.json"),
        ("vocab_file", vocab_file, "the vocab.txt of the model's checkpoint"),
    ):
        if not path.is_file():
            raise DataError(f"{key} {path} is not there", f"It is {origin}.")
    changed = label_file.stat().st_mtime_ns, vocab_file.stat().st_mtime_ns
    return _read(label_file, vocab_file, layout, changed)


@lru_cache(maxsize=1)
def _read(
    label_file: Path, vocab_file: Path, layout: Layout, changed: tuple[int, int]
) -> Questions:
    articles = _articles(label_file)
    tokenizer = optional("tokenizers", "SquadV1").BertWordPieceTokenizer(
        str(vocab_file), lowercase=layout.do_lower_case
    )
    ids: list[str] = []
    contexts: list[tuple[str, Offsets]] = []
    features: list[Feature] = []
    for paragraph in (each for article in articles for each in article["paragraphs"]):
        offsets = _offsets(tokenizer, paragraph["context"])
        for question in paragraph["qas"]:
            asked = len(_offsets(tokenizer, question["question"]))
            begins = min(asked, layout.max_query_length) + 2
            for first, length in windows(len(offsets), begins, layout):
                features.append(Feature(len(ids), begins, first, length))
            ids.append(question["id"])
            contexts.append((paragraph["context"], offsets))
    return Questions(articles, tuple(ids), tuple(contexts), tuple(features))


def _articles(path: Path) -> Sequence[Mapping[str, Any]]:
    try:
        found = json.loads(path.read_text("utf-8"))["data"]
        for paragraph in (each for article in found for each in article["paragraphs"]):
            asked = [(each["id"], each["question"]) for each in paragraph["qas"]]
            if not isinstance(paragraph["context"], str) or not asked:
                raise TypeError("a paragraph has no context or no question")
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"label_file {path} is no file of SQuAD's: {type(error).__name__}: {error}",
            "It is SQuAD 1.1's dev-v1.1.json.",
        ) from error
    return list(found)


def _offsets(tokenizer: Any, text: str) -> Offsets:
    return tuple(tokenizer.encode(text, add_special_tokens=False).offsets)


def windows(tokens: int, begins: int, layout: Layout) -> Iterator[tuple[int, int]]:
    """First token and length of each window of a context.

    Args:
        begins: The place of the window's first token; one [SEP] follows the last.
    """
    room = layout.max_seq_length - begins - 1
    if room < 1:
        raise DataError(
            f"max_seq_length {layout.max_seq_length} leaves no room behind a question of "
            f"{begins - 2} tokens",
            "Write the max_seq_length and max_query_length that the data was made with.",
        )
    first = 0
    while first < tokens:
        length = min(tokens - first, room)
        yield first, length
        if first + length == tokens:
            return
        first += min(length, layout.doc_stride)


def owns(token: int, feature: Feature, features: Sequence[Feature]) -> bool:
    """Whether the feature's window shows most of what is around a token.

    Of the windows of its question: the smaller of the tokens before and behind, and
    where that is equal the length, then the first.
    """

    def context(each: Feature) -> float:
        before = token - each.first
        behind = each.first + each.length - 1 - token
        return min(before, behind) + 0.01 * each.length

    showing = [e for e in features if 0 <= token - e.first < e.length]
    return max(showing, key=context) is feature
