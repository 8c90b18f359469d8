"""The datasets that `dataset` can name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from .fields import File, Names, Size, Text, filled
from .section import Problem, Section


class Npz(Section):
    """Arrays of a NumPy archive; the first axis counts the samples."""

    path: File = Field(description="The `.npz` file.")
    inputs: Annotated[Names, AfterValidator(filled)] = Field(
        description="The arrays that feed the model's inputs, in order."
    )
    label: Text | None = Field(
        default=None, description="The array of labels, null for none."
    )


class Csv(Section):
    """Numbers in text, one sample a row."""

    path: File = Field(description="The file; one that ends in `.gz` is compressed.")
    label: int | None = Field(
        default=None,
        description="The label's column, negative from the end; null for none.",
    )
    shape: tuple[Size, ...] | None = Field(
        default=None,
        description="Shape of one sample; left out, its values stay in one row.",
    )
    header: bool = Field(
        default=False, description="Whether the first row names the columns."
    )
    delimiter: str = Field(default=",", description="The character between columns.")

    def problems(self) -> Iterator[Problem]:
        if len(self.delimiter) != 1 or self.delimiter in "\r\n\"'":
            message = "a delimiter is one character, not a quote or line break"
            yield Problem(message, 'such as "," or ";" or "\\t"', ("delimiter",))
