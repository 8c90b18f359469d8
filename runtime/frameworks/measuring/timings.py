"""Latencies of ops and casts, put together: each distinct one was timed once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ...common.timing import Latency
from ...graph.graph import Graph, Precision
from ..protocol import Timings

Pair = Mapping[Precision, Latency]
"""fp32's and the low precision's latency, measured in turn."""

Shape = tuple[int, ...]

Way = tuple[Precision, Precision]
"""From which precision a cast goes to which."""


def timings(
    graph: Graph,
    low: Precision,
    pairs: Mapping[str, Pair],
    time_casts: Callable[[Shape, Sequence[Way]], Mapping[Way, Latency]],
) -> Timings:
    """Ops' latencies by op and precision, and those of all casts between activations.

    Args:
        pairs: Op id → latencies.
        time_casts: Times the ways to cast a tensor of a shape, in turn.
    """
    ops = {(op, p): each for op, pair in pairs.items() for p, each in pair.items()}
    tensors = graph.tensors.values()
    shapes = {t.shape for t in tensors if t.floating and not t.constant}
    ways = ((Precision.FP32, low), (low, Precision.FP32))
    casts = {
        (shape, *way): latency
        for shape in sorted(shapes)
        for way, latency in time_casts(shape, ways).items()
    }
    return Timings(ops, casts)
