"""Datasets of arrays and sounds in folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field

from ...reading.codes import Code
from ..fields import File, Known, Names, Size, Text
from ..section import Block, Problem, Section
from .counting import counted
from .dataset import BuiltInDataset


class Folder(BuiltInDataset):
    """A folder of files."""

    path: File = Field(description="The folder.")

    @property
    def files(self) -> Mapping[str, str]:
        return {"DATA": self.path}


class Npy(Folder):
    """`.npy` files: arrays of all samples by name, or a file for each sample."""

    inputs: Names | None = Field(
        default=None,
        description="The arrays that feed the model's inputs, in order: `x` is `x.npy`, "
        "whose first axis counts the samples. Left out, each file is a sample, and a "
        "folder within is a class.",
    )
    label: Text | None = Field(
        default=None, description="The array of labels, null for none."
    )

    @property
    def labelled(self) -> bool:
        return self.inputs is None or self.label is not None

    def problems(self) -> Iterator[Problem]:
        if self.label is not None and not self.inputs:
            message = "it names an array, and no array is named under `inputs`"
            yield Problem(
                message, "leave it out, or write inputs", ("label",), code=Code.EFFECT
            )

    def input_problems(self, named: int) -> Iterator[Problem]:
        if self.inputs:
            yield from counted(len(self.inputs), named, "arrays", ("inputs",))
        else:
            yield from counted(1, named, "array a file")


class Wav(Folder):
    """WAV files, each a sample of numbers from -1 to 1; a folder within is a class."""

    rate: Size | None = Field(
        default=None,
        description="Frames a second that all files must have, null for any.",
    )
    length: Size | None = Field(
        default=None,
        description="Frames of a sample: longer sounds are cut, shorter ones end in "
        "silence; null for sounds as long as they are.",
    )
    layout: Annotated[str, Known(("T", "TC", "CT"))] = Field(
        default="T",
        description="Axes of a sample: frames of one channel, frames and channels, or "
        "channels and frames.",
    )

    def input_problems(self, named: int) -> Iterator[Problem]:
        yield from counted(1, named, "sound")


class Catalogue(Section):
    """What `dataset` can name of these."""

    npy: Block[Npy] = Field(default=None, description="A folder of `.npy` files.")
    wav: Block[Wav] = Field(default=None, description="A folder of WAV files.")
