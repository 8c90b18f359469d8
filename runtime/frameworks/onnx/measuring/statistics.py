"""Statistics of every fp32 tensor on one batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ....graph.graph import Precision
from ...measuring.statistics import described, keep_worst
from ...protocol import Array, Statistics
from ..ir.naming import Names, constant
from ..running.interpreter import observe


def collect(
    model: ir.Model, names: Names, batch: Sequence[Array], precision: Precision
) -> dict[str, Statistics]:
    """What rounding to `precision` would do to each tensor; name → statistics.

    Bodies that the batch skips are run aside; of a loop's iterations the worst counts.
    """
    found: dict[str, Statistics] = {}

    def see(name: str, value: Array) -> None:
        if value.dtype == np.float32:
            new = described(value.astype(np.float32, copy=False), precision)
            keep_worst(found, name, new)

    for value, name in names.tensors.items():
        stored = constant(value)
        if stored is not None and stored.dtype == ir.DataType.FLOAT:
            see(name, stored.numpy())
    observe(model, names, batch, see)
    return found
