"""The dataset, chosen by its key."""

from __future__ import annotations

from pydantic import Field

from ..dialect.datasets import DatasetNames
from ..section import Block, Choice
from .files import Csv, Npz
from .folders import Npy, Wav
from .random import Dummy, DummyV2, SparseDummyV2
from .tables import Jsonl, Parquet
from .text import Bert, Glue, MzBert


class DatasetSection(DatasetNames, Choice):
    """The dataset, chosen by its key."""

    npz: Block[Npz] = Field(default=None, description="Arrays of a NumPy archive.")
    csv: Block[Csv] = Field(
        default=None, description="Numbers in text, one sample a row."
    )
    parquet: Block[Parquet] = Field(
        default=None, description="Rows of a Parquet file, or of a folder of them."
    )
    jsonl: Block[Jsonl] = Field(
        default=None, description="JSON lines, one sample a line."
    )
    npy: Block[Npy] = Field(default=None, description="A folder of `.npy` files.")
    wav: Block[Wav] = Field(default=None, description="A folder of WAV files.")
    dummy: Block[Dummy] = Field(
        default=None, description="Random samples of one shape or several."
    )
    dummy_v2: Block[DummyV2] = Field(
        default=None, description="Random samples of stated shapes."
    )
    sparse_dummy_v2: Block[SparseDummyV2] = Field(
        default=None, description="Random samples that end in zeros."
    )
    GLUE: Block[Glue] = Field(default=None, description="Sentences of a GLUE task.")
    bert: Block[Bert] = Field(
        default=None, description="Tokens for BERT, or SQuAD's questions."
    )
    mzbert: Block[MzBert] = Field(
        default=None, description="Tokens for Model Zoo's BERT."
    )
