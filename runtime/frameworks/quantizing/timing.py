"""Latencies of int8 ops that were timed with what makes integers for them."""

from __future__ import annotations

from collections.abc import Iterator

from ...common.timing import Latency
from ...graph.graph import Graph, Precision
from ..protocol import Timings

FP32, INT8 = Precision.FP32, Precision.INT8

LEAST = 0.1
"""Share of what was timed that an op has at least: the rest may be noise."""


def without_quantizing(graph: Graph, timings: Timings) -> Timings:
    """The timings with each int8 op's own quantizing taken away: that is a cast's.

    Args:
        timings: Of ops in int8 that were timed from fp32 on, and of casts to int8.
    """

    def left(op: str, latency: Latency) -> Latency:
        casts = sum(_casts(graph, op, timings))
        least = LEAST * latency.median
        return latency.changed(lambda taken: max(taken - casts, least))

    ops = {
        (op, precision): left(op, latency) if precision is INT8 else latency
        for (op, precision), latency in timings.ops.items()
    }
    return Timings(ops, timings.casts)


def _casts(graph: Graph, op: str, timings: Timings) -> Iterator[float]:
    for name in set(graph.castable(graph.by_id[op])):
        tensor = graph.tensors[name]
        cast = timings.casts.get((tensor.shape, FP32, INT8))
        if cast is not None and not tensor.constant:
            yield cast.median
