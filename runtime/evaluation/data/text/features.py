"""Tokens in TFRecord files, as BERT's scripts and Model Zoo's write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....common.errors import DataError
from ..records.example import Example, Malformed, read_example
from ..records.tfrecord import Records, record_files
from .squad import FIRST
from .tokenizer import Tokens

WINDOW = "unique_ids"
"""What numbers the windows of SQuAD's questions."""


@dataclass(frozen=True)
class Features:
    """One record a sample.

    Attributes:
        inputs: What the records call the model's inputs, each whole numbers.
        label: What they call the label, of which there is one.
    """

    records: Records
    inputs: Sequence[str]
    label: str

    @property
    def files(self) -> tuple[Path, ...]:
        return self.records.files

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> tuple[tuple[Tokens, ...], np.int64]:
        """Inputs of int64 and a label; windows without a number are counted from 10^9,
        as BERT's run_squad.py does.

        Raises:
            DataError: The record is damaged, or lacks a feature.
        """
        where = self.records.where(index)
        try:
            found = read_example(self.records[index])
        except Malformed as error:
            raise DataError(
                f"{where} is no tf.train.Example: {error}", "Write the file anew."
            ) from error
        inputs = tuple(_numbers(found, name, where) for name in self.inputs)
        if self.label == WINDOW and WINDOW not in found:
            return inputs, np.int64(FIRST + index)
        return inputs, np.int64(_numbers(found, self.label, where)[0])


def read_features(root: Path, *, inputs: Sequence[str], label: str) -> Features:
    """The samples of a file of records, or of several.

    Args:
        root: A file, a pattern of files, or a folder of files called `*record*`.
        inputs: Features that feed the model, in order.
        label: The feature that is the label.

    Raises:
        DataError: There is none, or one is damaged.
    """
    return Features(Records(record_files(root, "*record*")), inputs, label)


def _numbers(found: Example, name: str, where: str) -> Tokens:
    """The whole numbers of a feature, of which there are some."""
    value = found.get(name)
    if not isinstance(value, np.ndarray) or value.dtype != np.int64 or not len(value):
        raise DataError(
            f"{where} has no whole numbers called {name}",
            f"It has {', '.join(found) or 'nothing'}. BERT's scripts write such files.",
        )
    return np.asarray(value, np.int64)
