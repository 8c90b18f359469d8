"""What an op makes in fp32 and in 16 bits, side by side: errors, and which kernels work."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..common.telling.progress import step
from ..graph.graph import Graph, Kernel, Op, Precision
from .protocol import Array, Probe


def compared(
    fp32: Sequence[Array],
    low: Sequence[Array],
    made: Sequence[Precision | None],
    precision: Precision,
) -> Probe:
    """What a kernel's outputs say about it, beside those of fp32's.

    Args:
        fp32: The op's outputs in fp32.
        low: Those of the kernel, floats widened to float32.
        made: The precision that the kernel left each output in, None for a dtype that
            is none (int64).
        precision: The one that was asked for.
    """
    floats = {
        precision_made
        for reference, precision_made in zip(fp32, made, strict=True)
        if reference.dtype == np.float32
    }
    if floats not in ({precision}, {Precision.FP32}):
        names = sorted(str(each) for each in floats)
        return Probe(None, math.inf, f"the kernel returns {', '.join(names)}")
    errors = [relative_error(a, b) for a, b in zip(fp32, low, strict=True)]
    return Probe(floats.pop(), max(errors, default=0.0))


def relative_error(reference: Array, value: Array) -> float:
    """RMS of the difference over the reference's RMS, where the reference is finite.

    Infinite where the reference is finite and the value is not, or where a shape
    differs; 0 for what is no float.
    """
    if reference.dtype.kind != "f" or not reference.size:
        return 0.0
    if reference.shape != value.shape:
        return math.inf
    finite = np.isfinite(reference)
    wide = reference[finite].astype(np.float64)
    narrow = value[finite].astype(np.float64)
    if not np.isfinite(narrow).all():
        return math.inf
    error, scale = float(np.linalg.norm(narrow - wide)), float(np.linalg.norm(wide))
    if not error:
        return 0.0
    return error / scale if scale else math.inf


def probed(
    graph: Graph, low: Precision, run: Callable[[list[Any]], Mapping[Any, Probe]]
) -> tuple[Graph, dict[str, Probe]]:
    """The graph with the kernels that ran, and op id → what happened.

    Args:
        run: Runs the ops with these keys in `low`, all on one run of the batch.
    """
    ids: dict[Any, str] = {op.key: op.id for op in graph.ops if graph.castable(op)}
    with step("probing kernels"):
        probes = {ids[key]: probe for key, probe in run(list(ids)).items()}
    return with_kernels(graph, low, probes), probes


def with_kernels(graph: Graph, low: Precision, probes: Mapping[str, Probe]) -> Graph:
    """The graph whose ops have the kernels that ran, fp32's first."""
    fp32 = Kernel(Precision.FP32, Precision.FP32)

    def known(op: Op) -> Op:
        probe = probes.get(op.id)
        if probe is None or probe.output is None:
            return replace(op, kernels=(fp32,))
        return replace(op, kernels=(fp32, Kernel(low, probe.output)))

    return replace(graph, ops=tuple(map(known, graph.ops)))
