"""A program run with some ops in int8: what its output errors are measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from ....graph.graph import Op, Precision
from ...measuring.output_errors import Skipped
from ..measuring.output_errors import Reruns
from ..writing.int8.nodes import in_int8
from ..writing.int8.quantized import Quantized


@dataclass(frozen=True)
class Int8Reruns:
    """One program on one batch, each time with other ops in int8.

    Attributes:
        low: The precision in which int8 kernels leave their floats.
    """

    reruns: Reruns
    int8: Quantized
    low: Precision

    @property
    def skipped(self) -> Skipped:
        """As `Reruns.skipped`."""
        return self.reruns.skipped

    def values(
        self, route: Skipped, precision: Precision, ops: Sequence[Op]
    ) -> list[torch.Tensor] | None:
        """As `Reruns.values`: of the graph as it is written, with integers."""
        prepared = self.reruns.prepared
        module, _new = in_int8(prepared.module, self.int8, [op.id for op in ops])
        written = Reruns(replace(prepared, module=module), self.reruns.inputs)
        return written.values(route, self.low, ops)
