"""The tasks of GLUE: sentences, or pairs of them, in tab-separated files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ....common.errors import DataError
from ..files.lines import Lines, indexed
from .tokenizer import Tokenizer, Tokens, read_tokenizer

ORIGIN = "GLUE's files come from https://gluebenchmark.com/tasks."


@dataclass(frozen=True)
class Task:
    """Where a file of a task has what; columns count from 0, negative from the end.

    Attributes:
        texts: The sentence, or both of a pair.
        label: What is known of them.
        classes: Words or numbers of the labels, by their number; () for an amount.
        files: What is evaluated on, and what is trained on.
        header: Lines before the first sample.
        leaves_out: Whether lines that lack columns are left out.
    """

    texts: tuple[int, ...]
    label: int
    classes: tuple[str, ...] = ("0", "1")
    files: tuple[str, str] = ("dev.tsv", "train.tsv")
    header: int = 1
    leaves_out: bool = False


ENTAILS = ("entailment", "not_entailment")
THREE = ("contradiction", "entailment", "neutral")

TASKS: Mapping[str, Task] = {
    "cola": Task((3,), 1, header=0),
    "mnli": Task((8, 9), -1, THREE, ("dev_matched.tsv", "train.tsv")),
    "mnli-mm": Task((8, 9), -1, THREE, ("dev_mismatched.tsv", "train.tsv")),
    "mrpc": Task((3, 4), 0),
    "qnli": Task((1, 2), -1, ENTAILS),
    "qqp": Task((3, 4), 5, leaves_out=True),
    "rte": Task((1, 2), -1, ENTAILS),
    "sst-2": Task((0,), 1),
    "sts-b": Task((7, 8), -1, ()),
    "wnli": Task((1, 2), -1),
}
"""By name, as the files of gluebenchmark.com are laid out; the order of classes is that
of the processors in Hugging Face's transformers 4 (`data/processors/glue.py`). QQP has a
few lines that are cut off, which everybody leaves out."""


@dataclass(frozen=True)
class Glue:
    """Tokens of a task's sentences.

    Attributes:
        lines: Of the task's file.
        segments: Whether the model takes which sentence a token is of.
    """

    lines: Lines
    task: Task
    tokenizer: Tokenizer
    segments: bool

    @property
    def files(self) -> tuple[Path, ...]:
        return self.lines.path, self.tokenizer.path

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, index: int) -> tuple[tuple[Tokens, ...], Any]:
        """Tokens, attention mask and, where asked for, segments; and the label.

        Raises:
            DataError: A column is missing, or the label is no class of the task.
        """
        columns = self.lines[index].split("\t")
        where = self.lines.where(index)
        try:
            texts = [columns[k] for k in self.task.texts]
            label = columns[self.task.label]
        except IndexError as error:
            raise DataError(
                f"{where} has {len(columns)} columns, the task has more", ORIGIN
            ) from error
        tokens = self.tokenizer(*texts)
        return tokens if self.segments else tokens[:2], self._label(label, where)

    def _label(self, written: str, where: str) -> Any:
        """The number of a class, int64; of an amount float32."""
        if not self.task.classes:
            try:
                return np.float32(written)
            except ValueError as error:
                raise DataError(
                    f"{where}: the label {written!r} is no number"
                ) from error
        if written not in self.task.classes:
            raise DataError(
                f"{where}: the label is {written[:40]!r}, not one of "
                f"{', '.join(self.task.classes)}",
                "Check dataset.GLUE.task, and that the file has labels.",
            )
        return np.int64(self.task.classes.index(written))


def read_glue(
    folder: Path,
    tokenizer: Path,
    *,
    task: str,
    length: int,
    lower_case: bool | None = None,
    segments: bool = True,
    evaluate: bool = True,
    swapped: bool = False,
) -> Glue:
    """A task's samples, each tokenised when it is asked for.

    Args:
        folder: Where the task's files are.
        tokenizer: Its file or folder, as `read_tokenizer` takes it.
        task: A key of `TASKS`.
        length: Tokens of a sample.
        lower_case: As `read_tokenizer` takes it.
        segments: Whether the model takes which sentence a token is of.
        evaluate: Whether the samples that models are judged by are read, not those
            that they are trained on.
        swapped: Whether the second and the third class change places, as RoBERTa's
            MNLI models were trained.

    Raises:
        DataError: A file is missing, empty or damaged.
        RequirementError: The library `tokenizers` is not installed.
    """
    made = read_tokenizer(tokenizer, length=length, lower_case=lower_case)
    found = TASKS[task]
    if swapped:
        one, two, three = found.classes
        found = replace(found, classes=(one, three, two))
    path = folder / found.files[0 if evaluate else 1]
    if not path.is_file():
        raise DataError(
            f"{path} does not exist", f"{ORIGIN} Check dataset.GLUE.data_dir."
        )
    least = max(*found.texts, found.label) if found.leaves_out else 0
    lines = indexed(
        path,
        "dataset.GLUE.data_dir",
        skip=found.header,
        keep=lambda line: line.strip() and line.count(b"\t") >= least,
    )
    return Glue(lines, found, made, segments)
