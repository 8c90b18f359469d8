"""What a script calls to read a dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from narrowcast.spec.sections.datasets.dataset import BuiltInDataset

from ...writing.code import Code
from ...writing.imports import Import
from ...writing.layout import Group

DATA = "narrowcast.runtime.evaluation.data"


DECODED: Import = (f"{DATA}.decoded", "Decoded")
"""Reads samples on threads, and stacks them."""


@dataclass(frozen=True)
class Around:
    """The call of a function that takes a dataset and makes another of it.

    Attributes:
        function: Module and name.
        files: The section's that it takes, behind the dataset.
        arguments: By keyword.
    """

    function: Import
    files: tuple[str, ...] = ()
    arguments: Mapping[str, Code | Group] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """The call of a function or class of the runtime, of files and these arguments.

    Attributes:
        title: What the dataset's function says that it returns.
        reader: Module and name of what is called. Where the section's samples stack it
            returns `Arrays`, else a dataset by the protocol: `__getitem__`, `__len__`.
        arguments: By keyword, after the section's files.
        imports: What the arguments name.
        around: What is made of that dataset.
        batched: The class that makes batches of samples by the protocol.
    """

    title: str
    reader: Import
    arguments: Mapping[str, Code | Group] = field(default_factory=dict)
    imports: tuple[Import, ...] = ()
    around: tuple[Around, ...] = ()
    batched: Import = DECODED


Readings = Mapping[type[BuiltInDataset], Callable[[Any], Reading]]
"""A dataset's section → how it is read."""
