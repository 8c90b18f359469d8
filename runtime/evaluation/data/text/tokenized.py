"""Text of any dataset as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....common.errors import DataError
from ..indexed import Dataset
from .tokenizer import Tokenizer, Tokens, read_tokenizer


@dataclass(frozen=True)
class Tokenized:
    """Samples whose inputs are a text or two.

    Attributes:
        dataset: What has them, and the labels.
        segments: Whether the model takes which text a token is of.
    """

    dataset: Dataset
    tokenizer: Tokenizer
    segments: bool

    @property
    def files(self) -> tuple[Path, ...]:
        return *getattr(self.dataset, "files", ()), self.tokenizer.path

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[tuple[Tokens, ...], Any]:
        """Tokens, attention mask and, where asked for, segments; and the label.

        Raises:
            DataError: An input is no text.
        """
        found, label = self.dataset[index]
        texts = [
            str(each) for each in found if each.dtype.kind == "U" and not each.ndim
        ]
        if len(texts) != len(found) or not 1 <= len(texts) <= 2:
            kinds = ", ".join(f"{each.dtype} {each.shape}" for each in found)
            raise DataError(
                f"the inputs are {kinds}, where a tokenizer takes a text or two",
                "Name the columns of text under `inputs`.",
            )
        tokens = self.tokenizer(*texts)
        return tokens if self.segments else tokens[:2], label


def tokenized(
    dataset: Dataset,
    tokenizer: Path,
    *,
    length: int,
    lower_case: bool | None = None,
    segments: bool = True,
) -> Tokenized:
    """The samples of a dataset of texts, each tokenised when it is asked for.

    Args:
        tokenizer: Its file or folder, as `read_tokenizer` takes it.
        length: Tokens of a sample.
        lower_case: As `read_tokenizer` takes it.

    Raises:
        DataError: The tokenizer's file is missing or damaged.
        RequirementError: The library `tokenizers` is not installed.
    """
    made = read_tokenizer(tokenizer, length=length, lower_case=lower_case)
    return Tokenized(dataset, made, segments)
