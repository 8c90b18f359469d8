"""A value of a model: its name, dtype and shape."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from .dtypes import ITEMSIZES


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value that an op makes or takes.

    Attributes:
        name: Unique in its graph.
        dtype: NumPy's name ("float32", "int64", "bool").
        shape: Sizes at the cost batch.
        constant: True for weights and constants: cast offline, at no run-time cost.
        runs: How often it is made at the cost batch: in a loop, in each iteration.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    constant: bool = False
    runs: int = 1

    @property
    def elements(self) -> int:
        return prod(self.shape)

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return ITEMSIZES.get(self.dtype, 4)

    @property
    def floating(self) -> bool:
        """Whether the tensor may be held in 16 bits: only fp32 may."""
        return self.dtype == "float32"
