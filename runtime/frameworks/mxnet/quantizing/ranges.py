"""Ranges of activations over batches, from MXNet's own collectors."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ....common.errors import DataError
from ...protocol import Inputs
from ..ir.arrays import on_device, widened
from ..ir.naming import Names
from ..ir.network import Network
from ..running.interpreter import Runner

Range = tuple[float, float]


def ranges(
    network: Network, batches: Iterable[Inputs], tensors: Mapping[str, str]
) -> dict[str, Range]:
    """The least and the largest value of each tensor; what isn't finite counts as 0.

    Args:
        network: fp32.
        tensors: Name of a tensor → "minmax" or "kl".

    Raises:
        DataError: There is no batch.
    """
    from mxnet.contrib import quantization

    if not tensors:
        return {}
    of = {kind: {n for n, own in tensors.items() if own == kind} for kind in KINDS}
    least = quantization._LayerOutputMinMaxCollector("auto", of["minmax"])
    histograms = quantization._LayerHistogramCollector(
        num_bins=BINS, include_layer=of["kl"]
    )
    names, seen = Names(network), False
    for batch in batches:
        seen = True
        runner = Runner(network, batch)
        for index, value in zip(network.inputs, runner.batch, strict=True):
            _collect(names.tensor((index, 0)), value, tensors, least, histograms)
        for step in runner.steps():
            for k, value in enumerate(step.outputs):
                name = names.tensor((step.index, k))
                _collect(name, value, tensors, least, histograms)
    if not seen:
        raise DataError(
            "there is no batch to take ranges from",
            "Give data in quantization.calibration.dataloader.",
        )
    found = dict(least.min_max_dict)
    found |= quantization._get_optimal_thresholds(histograms.hist_dict, "auto")
    return {name: (float(low), float(high)) for name, (low, high) in found.items()}


BINS = 2001
"""Of a histogram; with MXNet's own 8001 a threshold takes 20 times as long."""

KINDS = ("minmax", "kl")


def _collect(
    name: str,
    value: Any,
    tensors: Mapping[str, str],
    least: Any,
    histograms: Any,
) -> None:
    if name not in tensors:
        return
    values = widened(value)
    finite = np.isfinite(values)
    kept = value if finite.all() else on_device(np.where(finite, values, 0))
    if tensors[name] == "minmax":
        least.collect(name.encode(), _given_away(kept))
    elif np.any(values[finite]):
        histograms.collect(name.encode(), _given_away(kept))
    else:
        least.min_max_dict.setdefault(name, (0.0, 0.0))


def _given_away(array: Any) -> Any:
    """A handle of an array for who frees it, as MXNet's collectors do."""
    alias = array.detach()
    handle, alias.handle = alias.handle, ctypes.c_void_p()
    return handle
