"""What the probes say: which kernels an op has, and what keeps it fp32 from the start."""

from __future__ import annotations

from collections.abc import Mapping

from ...frameworks.protocol import Probe
from ...graph.graph import Graph, Kind, Precision
from ...graph.pins import Reason, Why


def capability_pins(
    graph: Graph, low: Precision, probes: Mapping[str, Probe]
) -> dict[str, Reason]:
    """Op id → reason for every op that can't be low whatever the criterion says."""
    found = {}
    for op in graph.ops:
        probe = probes.get(op.id)
        if op.kind is Kind.FIXED and op.quantized:
            found[op.id] = Reason(Why.INT8, "computes in int8, as it was quantized")
        elif op.kind is Kind.FIXED and op.flops:
            found[op.id] = Reason(
                Why.NO_KERNEL, "branches, custom operators and other dtypes stay"
            )
        elif op.kind is Kind.FIXED or probe is None:
            found[op.id] = Reason(Why.FIXED, "has no fp32 tensor that could be cast")
        elif probe.output is None and op.kernel(Precision.INT8) is None:
            found[op.id] = Reason(Why.NO_KERNEL, f"no {low} kernel: {probe.message}")
    return found
