"""What a script does for one transform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from narrowcast.spec.sections.transforms.transform import Transform

from ...writing.code import Code
from ...writing.imports import Import


@dataclass(frozen=True)
class Place:
    """The array that a transform is written for.

    Attributes:
        name: The variable that holds it.
        channels: The axis of a sample that its channels are: 0 for the first, -1 for
            the last.
        batched: Whether it is a batch, whose first dimension counts samples.
        indent: Of the statements.
        loose: Whether it may be something else yet: Pillow's image, a tensor.
    """

    name: Code
    channels: int
    batched: bool
    indent: int
    loose: bool = False


@dataclass(frozen=True)
class Step:
    """One transform as source.

    Attributes:
        statements: Assignments to the variable, laid out.
        imports: What they call.
    """

    statements: tuple[Code, ...]
    imports: tuple[Import, ...] = ()


Steps = Mapping[type[Transform], Callable[[Any, Place], Step]]
"""A transform's section → its statements at a place."""
