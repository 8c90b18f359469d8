"""Values of the calibration batch, in fp32 and in a 16-bit format, side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph.formats import LIMITS
from ..graph.graph import Graph, Kernel, Op, Precision
from ..graph.rounding import rounded
from .protocol import Array, Probe, Statistics

Doubles = npt.NDArray[np.float64]


def described(value: npt.NDArray[np.float32], precision: Precision) -> Statistics:
    """What rounding to `precision` would do to the values of one fp32 tensor."""
    finite = value[np.isfinite(value)]
    if not finite.size:
        return Statistics(0.0, 0.0, 0.0, 0.0)
    limits, magnitudes = LIMITS[precision], np.abs(finite)
    largest = float(magnitudes.max())
    over = float(np.mean(magnitudes >= limits.overflow))
    nonzero = magnitudes > 0
    flushed = inexact = 0.0
    if nonzero.any():
        flushed = float(np.mean(magnitudes[nonzero] <= limits.flush))
    if limits.whole < largest < limits.overflow and (finite == np.trunc(finite)).all():
        inexact = float(np.mean(rounded(finite, precision) != finite))
    return Statistics(largest, over, flushed, inexact)


def worst(one: Statistics, other: Statistics) -> Statistics:
    """Of two iterations of a loop."""
    return Statistics(
        max(one.largest, other.largest),
        max(one.overflow, other.overflow),
        max(one.flushed, other.flushed),
        max(one.inexact, other.inexact),
    )


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
    wide, narrow = _doubles(reference[finite]), _doubles(value[finite])
    if not np.isfinite(narrow).all():
        return math.inf
    error, scale = float(np.linalg.norm(narrow - wide)), float(np.linalg.norm(wide))
    if not error:
        return 0.0
    return error / scale if scale else math.inf


def _doubles(values: npt.NDArray[Any]) -> Doubles:
    return values.astype(np.float64)


def with_kernels(graph: Graph, low: Precision, probes: Mapping[str, Probe]) -> Graph:
    """The graph whose ops have the kernels that ran, fp32's first."""
    return replace(
        graph, ops=tuple(_op(op, low, probes.get(op.id)) for op in graph.ops)
    )


def _op(op: Op, low: Precision, probe: Probe | None) -> Op:
    fp32 = Kernel(Precision.FP32, Precision.FP32)
    if probe is None or probe.output is None:
        return replace(op, kernels=(fp32,))
    return replace(op, kernels=(fp32, Kernel(low, probe.output)))
