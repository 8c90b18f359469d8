"""What a model of the zoo is, and what a framework's part of the zoo offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt

Array = npt.NDArray[Any]
Weights = Mapping[str, Array]


@dataclass(frozen=True)
class Model:
    """One model.

    Attributes:
        inputs: Name → one batch of it, the first dimension free.
        weights: Name → fp32 array; matrices are (in, out), kernels (out, in, 3, 3).
        outputs: Their names.
        compute: What the model gives for its inputs, in order.
        products: FLOPs of its contractions on the batch, two per multiply-add.
        dropped: Steps that preparation folds into others or leaves out.
    """

    inputs: Mapping[str, Array]
    weights: Weights
    outputs: tuple[str, ...]
    compute: Callable[..., tuple[Array, ...]]
    products: int
    dropped: tuple[str, ...] = ()

    @property
    def batch(self) -> tuple[Array, ...]:
        return tuple(self.inputs.values())

    @property
    def expected(self) -> tuple[Array, ...]:
        """The outputs for the batch."""
        return self.compute(self.weights, *self.batch)


@dataclass(frozen=True)
class Contents:
    """What a saved model holds, read without narrowcast.

    Attributes:
        casts: (where and what, the dtype it becomes) of each cast between floats.
        weights: Shape and dtype of each float that is stored.
    """

    casts: tuple[tuple[str, str], ...]
    weights: tuple[tuple[tuple[int, ...], str], ...]


class Zoo(Protocol):
    """One framework's models: a module of this package."""

    @property
    def LACKS(self) -> Mapping[str, str]:
        """Models that the framework can't express, and why."""
        ...

    @property
    def FILE(self) -> str:
        """Name of a saved model."""
        ...

    def build(self, name: str, folder: Path, /) -> Any:
        """The model as a user has loaded it, from its file in the folder.

        It is written first if there is none: what is written twice may differ in the
        names that the framework makes up.
        """
        ...

    def called(
        self, name: str, native: Any, batch: tuple[Array, ...], /
    ) -> tuple[Array, ...]:
        """What a model as the framework's own object gives, as its users call it."""
        ...

    def tensor(self, array: Array, /) -> Any:
        """An array as batches have it."""
        ...

    def unchanged(self, model: Any, /) -> object:
        """What must be equal before and after."""
        ...

    def pattern(self, step: str, /) -> str:
        """What a user writes to pin a step, as a regular expression."""
        ...

    def contents(self, path: Path, /) -> Contents:
        """What a saved model holds."""
        ...
