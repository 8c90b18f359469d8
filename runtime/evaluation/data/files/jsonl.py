"""Datasets in JSON lines: one object a line, one line a sample."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy.typing as npt

from ....common.errors import DataError
from ....common.suggestion import suggestion
from .fields import sample
from .lines import Lines, indexed


@dataclass(frozen=True)
class JsonLines:
    """Objects of named fields.

    Attributes:
        lines: Where they stand.
        inputs: Names of the fields that feed the model: numbers, lists of them, or text.
        label: Name of the label, None for none.
        shape: Of one sample, where the fields together are one input.
    """

    lines: Lines
    inputs: Sequence[str]
    label: str | None
    shape: tuple[int, ...] | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.lines.path,)

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, index: int) -> tuple[tuple[npt.NDArray[Any], ...], Any]:
        """Inputs and label of one line.

        Raises:
            DataError: It is no object, or lacks a field, or one is no array.
        """
        where = self.lines.where(index)
        found = parsed(self.lines[index], where)
        return sample(
            partial(named, found, where), self.inputs, self.label, self.shape, where
        )


def read_jsonl(
    path: Path,
    *,
    inputs: Sequence[str],
    label: str | None,
    shape: tuple[int, ...] | None = None,
) -> JsonLines:
    """The samples of a file, each parsed when it is asked for.

    Args:
        path: The file, one JSON object a line; empty lines don't count.

    Raises:
        DataError: It is missing, compressed or empty.
    """
    return JsonLines(indexed(path, "dataset.jsonl.path"), inputs, label, shape)


def parsed(line: str, where: str) -> dict[str, Any]:
    """The object that a line is.

    Raises:
        DataError: It is none.
    """
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{where} is not JSON: {error}", "Write one JSON object a line."
        ) from error
    if not isinstance(found, dict):
        raise DataError(f"{where} is no JSON object", "Write one JSON object a line.")
    return found


def named(fields: dict[str, Any], where: str, name: str) -> Any:
    """What an object has under a name.

    Raises:
        DataError: It has nothing there.
    """
    if name not in fields:
        raise DataError(f"{where} has no field `{name}`", suggestion(name, fields))
    return fields[name]
