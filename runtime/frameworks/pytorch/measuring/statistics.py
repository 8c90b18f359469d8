"""What a 16-bit format would do to the values of the calibration batch."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import fx

from ....graph.formats import LIMITS
from ....graph.graph import Precision
from ...measuring.statistics import keep_worst
from ...protocol import Inputs, Statistics
from ..running.interpreter import observe
from ..running.low import DTYPES


def collect(
    module: fx.GraphModule, inputs: Inputs, precision: Precision
) -> dict[fx.Node, Statistics]:
    """Run the graph once and describe every fp32 tensor in it, weights included."""
    found: dict[fx.Node, Statistics] = {}

    def see(node: fx.Node, value: Any) -> None:
        if isinstance(value, torch.Tensor) and value.dtype == torch.float32:
            keep_worst(found, node, describe(value.detach(), precision))

    observe(module, inputs, see, everywhere=True)
    return found


def describe(value: torch.Tensor, precision: Precision) -> Statistics:
    """What rounding to `precision` would do to the values of one fp32 tensor."""
    if not value.numel():
        return Statistics(0.0, 0.0, 0.0, 0.0)
    limits, finite = LIMITS[precision], value
    largest = _largest(value)
    if not largest < torch.inf:
        finite = value[torch.isfinite(value)]
        largest = _largest(finite) if finite.numel() else 0.0
    over = flushed = inexact = 0.0
    if largest >= limits.overflow:
        over = _share(finite.abs() >= limits.overflow)
    narrow = value.to(DTYPES[precision])
    nonzero = int(torch.count_nonzero(value))
    if nonzero:
        flushed = (nonzero - int(torch.count_nonzero(narrow))) / nonzero
    fractional = _share(finite != finite.trunc())
    if limits.whole < largest < limits.overflow and not fractional:
        exact = finite.to(DTYPES[precision]).to(finite.dtype) == finite
        inexact = 1.0 - _share(exact)
    return Statistics(largest, over, flushed, inexact, fractional)


def _share(true: torch.Tensor) -> float:
    """Of how many it is true; counting bits takes a fraction of their mean's time."""
    return int(torch.count_nonzero(true)) / true.numel() if true.numel() else math.nan


def _largest(value: torch.Tensor) -> float:
    least, most = torch.aminmax(value)
    return max(-float(least), float(most))
