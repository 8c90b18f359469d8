"""A tokenizer, as its file describes it: nothing comes from a hub."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ....common.optional import optional

FILES = ("tokenizer.json", "vocab.txt")
"""What a folder is searched for, in this order."""

SAVE = (
    "Nothing is downloaded. Name a tokenizer.json or vocab.txt, or a folder with one: "
    "`save_pretrained` of transformers writes it."
)

PADDING = ("[PAD]", "<pad>")

Tokens = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Tokenizer:
    """Text as numbers of one length.

    Attributes:
        path: The file that it was read from.
        length: Of what it gives: longer texts are cut, the longer of a pair first;
            shorter ones are filled up.
        padding: The number that fills.
    """

    path: Path
    length: int
    padding: int
    _cutting: Any = field(repr=False)
    _whole: Any = field(repr=False)

    def __call__(self, text: str, pair: str | None = None) -> tuple[Tokens, ...]:
        """The numbers of a text or of two, with the marks that the model knows.

        Returns:
            Tokens, 1 where there is one, and 1 where it is of the second text: (length,)
            each.
        """
        found = self._cutting.encode(text, pair)
        parts = (found.ids, found.attention_mask, found.type_ids)
        return tuple(
            filled(part, self.length, value)
            for part, value in zip(parts, (self.padding, 0, 0), strict=True)
        )

    def windows(self, text: str, pair: str, stride: int, most: int) -> Iterator[Any]:
        """A text with each part of another that there is room for.

        Args:
            stride: Tokens from the beginning of a part to that of the next.
            most: Tokens of the first text that are taken.

        Yields:
            The library's `Encoding`, not filled up.

        Raises:
            DataError: Together they leave no room.
        """
        first = self._bare(text)
        first.truncate(most)
        rest = self._bare(pair)
        marks = self._whole.num_special_tokens_to_add(is_pair=True)
        room = self.length - len(first.ids) - marks
        step = min(stride, room)
        if step < 1:
            raise DataError(
                f"{self.length} tokens leave no room beside a question of "
                f"{len(first.ids)}",
                "Write a larger max_seq_length.",
            )
        rest.truncate(room, stride=room - step)
        for part in (rest, *rest.overflowing):
            yield self._whole.post_process(first, part)

    def _bare(self, text: str) -> Any:
        """All tokens of a text, without marks."""
        return self._whole.encode(text, add_special_tokens=False)


def filled(values: Any, length: int, value: int) -> Tokens:
    """At most `length` values, with others behind them that make up the length."""
    found = np.full(length, value, np.int64)
    kept = np.asarray(values, np.int64)[:length]
    found[: len(kept)] = kept
    return found


def read_tokenizer(
    path: Path, *, length: int, lower_case: bool | None = None
) -> Tokenizer:
    """The tokenizer of a file.

    Args:
        path: A `tokenizer.json`, or a `vocab.txt` of BERT's; or the folder of one.
        length: Tokens of what it gives.
        lower_case: Whether text is put into small letters; None leaves that to the
            file, and a vocab.txt means small ones.

    Raises:
        DataError: There is none, or it is damaged, or says nothing of letters' case.
        RequirementError: The library `tokenizers` is not installed.
    """
    library = optional("tokenizers", "reading text")
    file = _file(path)
    try:
        if file.suffix == ".txt":
            kept = lower_case is not False
            made = library.BertWordPieceTokenizer(str(file), lowercase=kept)
        else:
            made = library.Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises Exception itself
        raise DataError(f"{file.name} is no tokenizer: {error}", SAVE) from error
    if file.suffix != ".txt" and lower_case is not None:
        _in_case(made, lower_case, library, file)
    padding = _padding(made)
    made.no_padding()
    made.no_truncation()
    cutting = library.Tokenizer.from_str(made.to_str())
    cutting.enable_truncation(length)
    return Tokenizer(file, length, padding, cutting, made)


def _file(path: Path) -> Path:
    if path.is_dir():
        for name in FILES:
            if (path / name).is_file():
                return path / name
        raise DataError(f"{path} holds neither {' nor '.join(FILES)}", SAVE)
    if not path.is_file():
        raise DataError(f"the tokenizer {path} does not exist", SAVE)
    return path


def _padding(tokenizer: Any) -> int:
    """What the file fills up with; else what it calls the padding; else 0."""
    if tokenizer.padding is not None:
        return int(tokenizer.padding["pad_id"])
    for name in PADDING:
        found = tokenizer.token_to_id(name)
        if found is not None:
            return int(found)
    return 0


def _in_case(tokenizer: Any, lower_case: bool, library: Any, file: Path) -> None:
    """BERT's tokenizer as asked for; another's file says how it treats letters."""
    known = library.normalizers.BertNormalizer
    if isinstance(tokenizer.normalizer, known):
        tokenizer.normalizer.lowercase = lower_case
    elif lower_case:
        raise DataError(
            f"{file.name} is not BERT's, and says itself what becomes of capitals",
            "Leave out do_lower_case.",
        )
