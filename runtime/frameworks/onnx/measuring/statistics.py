"""Statistics of every fp32 tensor on one batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ....graph.graph import Graph, Precision
from ...measuring.statistics import described, keep_worst
from ...protocol import Array, Statistics
from ..ir.naming import Names, constant
from ..running.interpreter import observe
from .extremes import Extremes


def collect(
    model: ir.Model,
    names: Names,
    batch: Sequence[Array],
    precision: Precision,
    graph: Graph,
    beyond: Extremes,
) -> dict[str, Statistics]:
    """What rounding to `precision` would do to each tensor; name → statistics.

    Bodies that the batch skips are run aside; of a loop's iterations the worst counts.

    Args:
        beyond: What other rows may make: as if one value of the batch were so.
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
    for name, largest in beyond.reaches.items():
        keep_worst(found, name, Statistics(largest, _one(graph, name), 0.0, 0.0))
    for op, number in beyond.unsafe.items():
        for name in graph.carried(graph.by_id[op]) if number < 1 else ():
            keep_worst(found, name, Statistics(0.0, 0.0, _one(graph, name), 0.0))
    return found


def _one(graph: Graph, name: str) -> float:
    """The share of one value."""
    return 1 / max(graph.tensors[name].elements, 1)
