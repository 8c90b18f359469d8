"""Random samples of stated shapes: Neural Compressor's dummy datasets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Values(Protocol):
    """What one input or label of a sample is."""

    def draw(self, generator: np.random.Generator) -> Array: ...


@dataclass(frozen=True)
class Uniform:
    """Numbers from `low` to below `high`, all equally likely.

    Attributes:
        shape: Of one sample.
        dtype: NumPy's name, or `str` for the numbers in words. Whole numbers are cut
            towards 0, and held to what the dtype can hold; `bool` is whether it is not
            0, as NumPy has it.
    """

    shape: tuple[int, ...]
    low: float = -128.0
    high: float = 127.0
    dtype: str = "float32"

    def draw(self, generator: np.random.Generator) -> Array:
        """An array of the shape and dtype."""
        return _converted(
            generator.uniform(self.low, self.high, self.shape), self.dtype
        )


@dataclass(frozen=True)
class Sparse:
    """Numbers as `Uniform` has them, and zeros behind them.

    Neural Compressor gives the indices and values of the same array.

    Attributes:
        ratio: Share of zeros, which come last in the order of C.
    """

    shape: tuple[int, ...]
    ratio: float = 0.5
    low: float = -128.0
    high: float = 127.0
    dtype: str = "float32"

    def draw(self, generator: np.random.Generator) -> Array:
        """A dense array of the shape and dtype."""
        total = prod(self.shape)
        filled = round(total * (1 - self.ratio))
        values = np.zeros(total)
        values[:filled] = generator.uniform(self.low, self.high, filled)
        return _converted(values.reshape(self.shape), self.dtype)


@dataclass(frozen=True)
class Constant:
    """The same in all samples.

    Attributes:
        value: A number, which NumPy finds a dtype for.
    """

    value: float

    def draw(self, generator: np.random.Generator) -> Array:
        """The number, an array of no dimensions."""
        return np.asarray(self.value)


@dataclass(frozen=True)
class Random:
    """Samples that are drawn when they are asked for, each from its own generator.

    Sample k has the same values whoever asks, in whatever order.

    Attributes:
        samples: How many there are.
        inputs: One for each input of the model.
        labels: None without labels; several make a tuple.
        seed: What the values depend on.
    """

    files: ClassVar[tuple[Path, ...]] = ()
    samples: int
    inputs: Sequence[Values]
    labels: Sequence[Values] | None
    seed: int

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> tuple[tuple[Array, ...], Any]:
        if not 0 <= index < self.samples:
            raise IndexError(index)
        generator = np.random.default_rng((self.seed, index))
        inputs = tuple(each.draw(generator) for each in self.inputs)
        if self.labels is None:
            return inputs, None
        labels = tuple(each.draw(generator) for each in self.labels)
        return inputs, labels[0] if len(labels) == 1 else labels


def _converted(values: npt.NDArray[np.float64], dtype: str) -> Array:
    """Held to what the dtype can hold, where it holds numbers."""
    wanted = np.dtype(dtype)
    if wanted.kind == "f":
        held = np.finfo(wanted)
        values = values.clip(float(held.min), float(held.max))
    elif wanted.kind in "iu":
        whole = np.iinfo(wanted)
        largest = float(whole.max)
        if int(largest) > whole.max:  # 2^63 - 1 is no float64
            largest = float(np.nextafter(largest, 0))
        values = values.clip(whole.min, largest)
    return values.astype(wanted)
