"""Ranges of activations over batches, from torchao's own observers."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import fx

from ....common.errors import DataError
from ....common.optional import optional
from ...protocol import Inputs
from ..running.interpreter import observe

OBSERVERS = "torchao.quantization.pt2e.observer"

KINDS = {"minmax": "MinMaxObserver", "kl": "HistogramObserver"}
"""Algorithm → the class of torchao's that finds the range.

Its histogram's range is that with the least squared error, the export flow's own way.
"""

EPS = float(torch.finfo(torch.float32).tiny)
"""The least scale: torchao's own, 2⁻¹², is coarse for tensors of small values."""

Range = tuple[float, float]


def ranges(
    module: fx.GraphModule, batches: Iterable[Inputs], wanted: Mapping[str, str]
) -> dict[str, Range]:
    """The least and the largest value of each node; what isn't finite counts as 0.

    Args:
        module: The prepared fp32 graph.
        wanted: Node name → "minmax" or "kl".

    Raises:
        DataError: There is no batch.
        MissingPackageError: torchao is not installed.
    """
    if not wanted:
        return {}
    observers = {name: _observer(algorithm) for name, algorithm in wanted.items()}

    def see(node: fx.Node, value: Any) -> None:
        if node.name in observers:
            observers[node.name](torch.where(value.isfinite(), value, 0.0))

    seen = False
    for batch in batches:
        seen = True
        observe(module, batch, see)
    if not seen:
        raise DataError(
            "there is no batch to take ranges from",
            "Give data in quantization.calibration.dataloader.",
        )
    return {name: _range(each) for name, each in observers.items()}


def _observer(algorithm: str) -> Any:
    observers = _observers()
    return getattr(observers, KINDS[algorithm])(
        dtype=torch.uint8, qscheme=torch.per_tensor_affine, eps=EPS
    )


def _observers() -> Any:
    """Their module; of extensions that its package can't load here it needs none."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        return optional(OBSERVERS, "quantizing PyTorch models")
    finally:
        logging.disable(before)


def _range(observer: Any) -> Range:
    """What an observer found: a histogram's ends are those that its scale reaches."""
    low, high = float(observer.min_val), float(observer.max_val)
    if not hasattr(observer, "histogram") or low == high:
        return low, high
    scale, zero = (float(each) for each in observer.calculate_qparams())
    return max(low, -zero * scale), min(high, (255 - zero) * scale)
