"""Datasets of rows, with or without text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from ...reading.codes import Code
from ...releases.libraries import PYARROW, TOKENIZERS
from ..fields import File, Flag, Names, Size, Text, filled
from ..section import Block, Problem, Section
from .counting import counted
from .dataset import BuiltInDataset


class Rows(BuiltInDataset):
    """Named values in each row of a file."""

    path: File = Field(description="The file.")
    inputs: Annotated[Names, AfterValidator(filled)] = Field(
        description="The columns that feed the model's inputs, in order; with a "
        "tokenizer one of text or two."
    )
    label: Text | None = Field(
        default=None, description="The column of labels, null for none."
    )
    shape: tuple[Size, ...] | None = Field(
        default=None,
        description="Shape of one sample, of all values of the columns; left out, each "
        "column is an input.",
    )
    tokenizer: File | None = Field(
        default=None,
        description="A tokenizer.json or vocab.txt, or its folder, which makes numbers "
        "of the text: input ids, attention mask and segments.",
    )
    max_seq_length: Size = Field(
        default=128, description="Tokens of a sample: longer ones are cut."
    )
    do_lower_case: Flag | None = Field(
        default=None,
        description="Whether capitals become small; left out, as the tokenizer says.",
    )
    segments: Flag = Field(
        default=True, description="Whether the model takes which text a token is of."
    )

    @property
    def requirements(self) -> tuple[str, ...]:
        tokenizers = () if self.tokenizer is None else (TOKENIZERS,)
        return (*self.packages, *tokenizers)

    @property
    def files(self) -> Mapping[str, str]:
        tokenizer = {} if self.tokenizer is None else {"TOKENIZER": self.tokenizer}
        return {"DATA": self.path, **tokenizer}

    @property
    def labelled(self) -> bool:
        return self.says("label")

    def rules(self) -> Iterator[Iterator[Problem]]:
        yield self._tokenised()
        yield self._texts()

    def _tokenised(self) -> Iterator[Problem]:
        """What only goes with a tokenizer, and what does not."""
        if self.tokenizer is not None:
            if self.shape is not None:
                message = "a tokenizer says what shape its numbers have"
                yield Problem(message, "leave it out", ("shape",), code=Code.EFFECT)
            return
        for key in ("max_seq_length", "do_lower_case", "segments"):
            if key in self.model_fields_set:
                message = "only a tokenizer goes by it"
                yield Problem(
                    message,
                    "write `tokenizer: tokenizer.json`",
                    (key,),
                    code=Code.EFFECT,
                )

    def _texts(self) -> Iterator[Problem]:
        if self.tokenizer is not None and len(self.inputs) > 2:
            message = f"{len(self.inputs)} columns, a tokenizer takes a text or two"
            yield Problem(
                message, "name the columns of text", ("inputs",), code=Code.COUNT
            )

    def input_problems(self, named: int) -> Iterator[Problem]:
        if self.tokenizer is not None:
            yield from counted(2 + self.segments, named, "arrays of a tokenizer")
        elif self.shape is not None:
            yield from counted(1, named, "array")
        else:
            yield from counted(len(self.inputs), named, "columns", ("inputs",))


class Parquet(Rows):
    """Rows of a Parquet file, or of all of a folder; a few row groups are in memory."""

    packages = (PYARROW,)
    path: File = Field(description="The file, or a folder of `.parquet` files.")


class Jsonl(Rows):
    """JSON lines: an object of named values in each."""

    path: File = Field(description="The file, not compressed.")


class Catalogue(Section):
    """What `dataset` can name of these."""

    parquet: Block[Parquet] = Field(
        default=None, description="Rows of a Parquet file, or of a folder of them."
    )
    jsonl: Block[Jsonl] = Field(
        default=None, description="JSON lines, one sample a line."
    )
