"""Placements of any traced model."""

from __future__ import annotations

from collections.abc import Sequence

from narrowcast.runtime.frameworks.protocol import Traced
from narrowcast.runtime.graph.graph import Graph, Kind, Placement, Precision
from narrowcast.runtime.graph.pins import Pins
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search.limits.movers import with_movers
from narrowcast.runtime.search.limits.reasons import hard_pins


def all_low(
    traced: Traced, low: Precision = Precision.BF16, pins: Sequence[str] = ()
) -> Placement:
    """As many FLOPs low as probes, ranges and `pins`, ids of ops, allow."""
    ranges = hard_pins(traced, low, Pins())
    graph = ranges.within(traced.graph)
    held = {*with_movers(graph, ranges.pins), *pins}
    return low_compute(graph, low, held).placement


def able_low(traced: Traced, low: Precision = Precision.BF16) -> Placement:
    """Low wherever there is a kernel, whether or not the values fit its range."""
    return {op.id: low if op.kernel(low) else Precision.FP32 for op in traced.graph.ops}


def all_fp32(traced: Traced) -> Placement:
    return dict.fromkeys(traced.graph.by_id, Precision.FP32)


def low_share(graph: Graph, placement: Placement) -> float:
    """Share of the contractions' FLOPs that are in 16 bits."""
    compute = [op for op in graph.ops if op.kind is Kind.COMPUTE]
    low = sum(op.flops for op in compute if placement[op.id] is not Precision.FP32)
    return low / sum(op.flops for op in compute)
