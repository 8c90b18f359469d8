"""Data that a script does not name: it is supplied when the script is run, or made up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ....common.errors import DataError
from ....common.processes.untouched import seeded
from ....frameworks.inputs import Input
from ..arrays import LABELS, Arrays, Batch
from ..files.npz import array_names, read_npz
from ..random.synthetic import random_inputs
from .loaders import loader, made_of
from .named import named_object

FEW = 8
"""Samples of a random batch of which nobody says how many it has."""


class Data(Protocol):
    """Batches of inputs and labels, whoever supplies them."""

    @property
    def names(self) -> tuple[str, ...]:
        """What the data itself calls its inputs, in order; () where they have only an
        order."""
        ...

    def batches(
        self, size: int, *, limit: int | None = None, keep_last: bool = True
    ) -> Iterator[tuple[tuple[Any, ...], Any]]:
        """Inputs and labels; `size` says how many samples a batch has where the data
        does not come in batches already."""
        ...


@dataclass(frozen=True)
class RandomBatch:
    """One random batch of what the spec or else the model says of its inputs.

    Attributes:
        size: Samples in it, None where the spec doesn't say: then a few, since nothing
            is judged by them and each costs.
    """

    declared: Sequence[Input]
    signature: Sequence[Input]
    seed: int
    names: tuple[str, ...] = ()
    size: int | None = None

    def batches(
        self, size: int, *, limit: int | None = None, keep_last: bool = True
    ) -> Iterator[Batch]:
        """The batch, and no labels; `size` is what is left open inside a sample."""
        generator = np.random.default_rng(self.seed)
        few = self.size or min(size, FEW)
        yield (
            random_inputs(self.declared, few, generator, self.signature, size),
            None,
        )


@dataclass
class NamedData:
    """What `--data` names: an archive, or an object of the user's.

    It is opened where it is read, so that other processes read it for themselves.

    Attributes:
        source: A `.npz` file, or `package.module:name`.
    """

    source: str

    @property
    def files(self) -> tuple[Path, ...]:
        """The file, where it is one."""
        return (Path(self.source).resolve(),) if _is_archive(self.source) else ()

    @property
    def modules(self) -> tuple[str, ...]:
        """The module, where it is the user's object."""
        return () if _is_archive(self.source) else (self.source.partition(":")[0],)

    @property
    def names(self) -> tuple[str, ...]:
        """Those of an archive's arrays, where there are several."""
        return self._opened.names

    def batches(
        self, size: int, *, limit: int | None = None, keep_last: bool = True
    ) -> Iterator[tuple[tuple[Any, ...], Any]]:
        """The samples, `size` at a time where they don't come in batches.

        Raises:
            DataError: They can't be read.
        """
        return self._opened.batches(size, limit=limit, keep_last=keep_last)

    @cached_property
    def _opened(self) -> Data:
        if _is_archive(self.source):
            return _archive(Path(self.source))
        found = named_object(self.source, "--data")
        if isinstance(found, type):
            made, begin = seeded(partial(made_of, found))
            return replace(loader(made), begin=begin)
        return loader(found)

    def __getstate__(self) -> dict[str, str]:
        return {"source": self.source}


def named_data(source: str) -> NamedData:
    """What `--data` names.

    Raises:
        DataError: It is neither a `.npz` file nor `package.module:name`.
    """
    if not _is_archive(source) and ":" not in source:
        raise DataError(
            f"--data {source} is neither a .npz file nor package.module:name",
            "Name an archive of arrays; or a class or function of yours that makes a "
            "dataset, or a loader of (inputs, labels).",
        )
    return NamedData(source)


def _is_archive(source: str) -> bool:
    return source.lower().endswith(".npz")


@dataclass(frozen=True)
class _Archive:
    """Named arrays."""

    names: tuple[str, ...]
    arrays: Arrays

    def batches(
        self, size: int, *, limit: int | None = None, keep_last: bool = True
    ) -> Iterator[Batch]:
        return self.arrays.batches(size, limit=limit, keep_last=keep_last)


def _archive(path: Path) -> _Archive:
    """All arrays but the labels, in the archive's order."""
    names = array_names(path, "--data")
    label = next((name for name in LABELS if name in names), None)
    inputs = tuple(name for name in names if name != label)
    if not inputs:
        raise DataError(
            f"{path.name} holds no input of the model: {', '.join(names) or 'nothing'}",
            f"Name its arrays as the model's inputs, and the labels {LABELS[0]}.",
        )
    arrays = read_npz(path, inputs=inputs, label=label)
    return _Archive(inputs if len(inputs) > 1 else (), arrays)
