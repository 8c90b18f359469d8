"""fp32's own outputs, kept batch by batch in files: what drift is measured from.

One pass of the model as loaded writes them. Trials, fresh processes and workers read the
file of each batch as they come to it, so that no process holds them all.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...common.errors import ModelError, WriteError
from ...frameworks.protocol import Inputs, Outputs
from ..batches import Batches


@dataclass(frozen=True, slots=True)
class Expected:
    """What the outputs of one batch are compared with, in the place of its labels.

    Attributes:
        labels: As the data has them.
        path: Where fp32's outputs are.
        records: Whether the model as loaded runs, and they are written.
        known: Them, where they are at hand.
    """

    labels: Any
    path: Path
    records: bool = False
    known: Outputs | None = None

    def outputs(self) -> Outputs:
        """fp32's.

        Raises:
            ModelError: They were not written, or can't be read.
        """
        return read_outputs(self.path) if self.known is None else self.known

    def seen_by(self, outputs: Outputs) -> Expected:
        """The same once a model has predicted the batch; the model as loaded is kept.

        Raises:
            UsageError: They can't be written.
            ModelError: They are of a kind that can't be compared.
        """
        if not self.records:
            return self
        write_outputs(self.path, outputs)
        return replace(self, records=False, known=outputs)

    def __getstate__(self) -> Any:
        # Between processes the file goes, not what it holds.
        return self.labels, self.path, self.records

    def __setstate__(self, state: Any) -> None:
        for name, value in zip(("labels", "path", "records"), state, strict=True):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "known", None)


@dataclass(frozen=True, slots=True)
class Compared:
    """Batches whose outputs are compared with fp32's.

    Attributes:
        batches: The data.
        folder: Of the files, one for each batch.
        records: Whether they are written.
    """

    batches: Batches
    folder: Path
    records: bool = False

    def __call__(self) -> Iterator[tuple[Inputs, Any]]:
        for number, (inputs, labels) in enumerate(self.batches()):
            path = self.folder / f"{number:06}.npz"
            yield inputs, Expected(labels, path, self.records)


def plain(labels: Any) -> Any:
    """The data's own labels."""
    return labels.labels if isinstance(labels, Expected) else labels


def write_outputs(path: Path, outputs: Outputs) -> None:
    """Write the outputs of one batch.

    Raises:
        UsageError: There is no room.
        ModelError: One is of objects.
    """
    odd = [each.dtype for each in outputs if each.dtype.kind not in "biufcSU"]
    if odd:
        raise ModelError(
            f"an output of dtype {odd[0]} can't be compared with fp32's",
            "Judge by a metric that compares with labels.",
        )
    try:
        with path.open("wb") as file:
            np.savez(file, *outputs)
    except OSError as error:
        raise WriteError(
            f"fp32's outputs can't be kept in {path.parent}: {error.strerror or error}",
            "Make room, choose another place with --output, or judge on fewer batches "
            "(evaluation.accuracy.iteration).",
        ) from error


def read_outputs(path: Path) -> Outputs:
    """The outputs of one batch.

    Raises:
        ModelError: They are not there, or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as found:
            return tuple(found[f"arr_{k}"] for k in range(len(found.files)))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"fp32's outputs can't be read from {path.name}: {error}",
            "The data has more batches than the model as loaded saw, or something "
            "removed what the run had written.",
        ) from error
