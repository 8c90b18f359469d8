"""What an adapter with int8 kernels offers beside `Traced` (docs/graph.md)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, Self, runtime_checkable

from ..protocol import Inputs, Traced
from .quantization import Quantization, Scales


@runtime_checkable
class Quantizable(Traced, Protocol):
    """A model whose ops may be quantized.

    Of a model with scales, `Op.kernels` has int8's where a probe ran, and `error`,
    `time` and `apply` take int8 as they take 16 bits. A probe of int8 that failed is
    in `int8_refusals`, with its reason.
    """

    @property
    def scales(self) -> Scales:
        """Those of activations; empty before `calibrated`."""
        ...

    @property
    def int8_refusals(self) -> dict[str, str]:
        """Op id → why it has no int8 kernel, of ops that contract."""
        ...

    def calibrated(self, batches: Iterable[Inputs], how: Quantization) -> Self:
        """The same with scales from ranges over these batches, and probed in int8."""
        ...

    def with_scales(self, scales: Scales, how: Quantization) -> Self:
        """The same with scales that a plan has: the same bytes without any batch.

        Raises:
            PlanError: A tensor that an int8 op takes has no scale.
        """
        ...
