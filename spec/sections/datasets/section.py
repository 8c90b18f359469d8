"""The dataset, chosen by its key."""

from __future__ import annotations

from pydantic import Field

from ..dialect.datasets import DatasetNames
from ..section import Block, Choice
from .files import Csv, Npz


class DatasetSection(DatasetNames, Choice):
    """The dataset, chosen by its key."""

    npz: Block[Npz] = Field(default=None, description="Arrays of a NumPy archive.")
    csv: Block[Csv] = Field(
        default=None, description="Numbers in text, one sample a row."
    )
