"""Datasets in one file each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from ...reading.codes import Code
from ..fields import File, Flag, Names, Size, Text, Whole, filled
from ..section import Block, Problem, Section
from .counting import counted
from .dataset import BuiltInDataset


class FileDataset(BuiltInDataset):
    """A dataset that a function of the runtime reads from one file."""

    stacks = True
    path: File = Field(description="The file.")

    @property
    def files(self) -> Mapping[str, str]:
        return {"DATA": self.path}

    @property
    def labelled(self) -> bool:
        return self.says("label")


class Npz(FileDataset):
    """Arrays of a NumPy archive; the first axis counts the samples."""

    path: File = Field(description="The `.npz` file.")
    inputs: Annotated[Names, AfterValidator(filled)] = Field(
        description="The arrays that feed the model's inputs, in order."
    )
    label: Text | None = Field(
        default=None, description="The array of labels, null for none."
    )

    def input_problems(self, named: int) -> Iterator[Problem]:
        yield from counted(len(self.inputs), named, "arrays", ("inputs",))


class Csv(FileDataset):
    """Numbers in text, one sample a row."""

    path: File = Field(description="The file; one that ends in `.gz` is compressed.")
    label: Whole | None = Field(
        default=None,
        description="The label's column, negative from the end; null for none.",
    )
    shape: tuple[Size, ...] | None = Field(
        default=None,
        description="Shape of one sample; left out, its values stay in one row.",
    )
    header: Flag = Field(
        default=False, description="Whether the first row names the columns."
    )
    delimiter: str = Field(default=",", description="The character between columns.")

    @property
    def sample(self) -> tuple[int, ...] | None:
        return self.shape

    def problems(self) -> Iterator[Problem]:
        if len(self.delimiter) != 1 or self.delimiter in "\r\n\"'":
            message = "a delimiter is one character, not a quote or line break"
            yield Problem(
                message, 'such as "," or ";" or "\\t"', ("delimiter",), code=Code.FORM
            )


class Catalogue(Section):
    """What `dataset` can name of these."""

    npz: Block[Npz] = Field(default=None, description="Arrays of a NumPy archive.")
    csv: Block[Csv] = Field(
        default=None, description="Numbers in text, one sample a row."
    )
