"""What ops and casts cost: the seam for measured costs, and static ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Protocol

from ..common.errors import NarrowcastError
from ..graph.graph import Graph, Kind, Op, Placement, Precision, Tensor, casts
from .fusing import free, summed

OpCost = Callable[[Op, Precision], float]
CastCost = Callable[[Tensor, Precision, Precision], float]


class CostError(NarrowcastError):
    """A cost is negative or not a number, or the costs add up to no finite number."""

    error_code = "NC605"


def checked(cost: float, what: str) -> float:
    """`cost`, or a CostError that names `what` it is the cost of."""
    if not 0 <= cost < math.inf:
        raise CostError(f"The cost of {what} is {cost}: not zero or more, and finite.")
    return float(cost)


class Costs(Protocol):
    """Seconds at the cost batch, finite and not negative.

    Fixed ops cost nothing and are never asked for; `op` is asked for a low precision
    only where the op has a kernel for it.
    """

    def op(self, op: Op, precision: Precision) -> float:
        """Seconds of `op` when it is placed in `precision`, as a placement counts them."""
        ...

    def alone(self, op: Op, precision: Precision) -> float:
        """Seconds that it takes by itself, as people are told them."""
        ...

    def cast(self, tensor: Tensor, source: Precision, target: Precision) -> float:
        """Seconds of one conversion of `tensor`."""
        ...


@dataclass(frozen=True)
class MachineProfile:
    """What static costs assume of a machine.

    Attributes:
        name: Names the profile in reports.
        flops: FLOP/s of contractions, for every precision.
        bandwidth: Bytes/s to and from main memory.
        overhead: Seconds per launched op or cast.
    """

    name: str
    flops: Mapping[Precision, float]
    bandwidth: float
    overhead: float


def _rates(
    fp32: float, bf16: float, fp16: float, int8: float
) -> Mapping[Precision, float]:
    return MappingProxyType(
        {
            Precision.FP32: fp32,
            Precision.BF16: bf16,
            Precision.FP16: fp16,
            Precision.INT8: int8,
        }
    )


X86_BF16 = MachineProfile(
    name="x86 server, 2 cores, avx512_bf16",
    flops=_rates(384e9, 768e9, 384e9, 1536e9),
    bandwidth=40e9,
    overhead=2e-6,
)
"""Two cores of a server CPU with 512-bit units (AMD Zen 5) at 3 GHz.

FLOP/s per core and cycle: two FMAs of 16 lanes are 64 in fp32; VDPBF16PS does twice
that, VPDPBUSD (int8) four times. Without AVX512-FP16, fp16 is widened and computed in fp32. Bandwidth is what two
cores copy, overhead what a framework needs to dispatch an op: both are round numbers
of the size seen on such machines, not vendor figures.
"""

X86_FP16 = MachineProfile(
    name="x86 server, 2 cores, avx512_fp16",
    flops=_rates(384e9, 768e9, 768e9, 1536e9),
    bandwidth=40e9,
    overhead=2e-6,
)
"""Two cores of a server CPU with AVX512-FP16 (Intel Sapphire Rapids) at 3 GHz.

FLOP/s per core and cycle: two FMAs of 32 lanes are 128 in fp16, twice those in fp32;
bf16 as `X86_BF16`, without AMX. The other figures as for `X86_BF16`.
"""

A100 = MachineProfile(
    name="NVIDIA A100 SXM 80 GB",
    flops=_rates(19.5e12, 312e12, 312e12, 624e12),
    bandwidth=2.039e12,
    overhead=5e-6,
)
"""Peaks of NVIDIA's A100 data sheet, dense; fp32 without TF32.

The overhead is a round figure for a kernel launch, not the data sheet's.
"""


def fused(profile: MachineProfile) -> MachineProfile:
    """The same machine where a compiler fuses what lies between contractions."""
    return replace(profile, name=f"{profile.name}, fused", overhead=0.0)


@dataclass(frozen=True)
class StaticCosts:
    """Costs by the roofline of a stated machine: nothing is measured.

    Seconds = overhead + max(FLOPs / rate, bytes / bandwidth). FLOPs count for
    contractions only: all else is bound by memory, and int8's are the same in all
    precisions around them. Source of the model: Williams,
    Waterman, Patterson, "Roofline", CACM 52 (2009).
    """

    graph: Graph
    profile: MachineProfile

    def op(self, op: Op, precision: Precision) -> float:
        """Seconds of `op` in `precision`; 0 for a fixed op."""
        if op.kind is Kind.FIXED or summed(op, precision):
            return 0.0
        seconds = moved_bytes(self.graph, op, precision) / self.profile.bandwidth
        if op.kind is Kind.COMPUTE and not op.quantized:
            seconds = max(seconds, op.flops / self.profile.flops[precision])
        return seconds + self.profile.overhead * self.graph.runs(op)

    def alone(self, op: Op, precision: Precision) -> float:
        """The same: nothing was measured that could be noise."""
        return self.op(op, precision)

    def cast(self, tensor: Tensor, source: Precision, target: Precision) -> float:
        """Seconds to read `tensor` as `source` and to write it as `target`."""
        moved = cast_bytes(tensor, source, target)
        return moved / self.profile.bandwidth + self.profile.overhead * tensor.runs


def predicted_seconds(graph: Graph, costs: Costs, placement: Placement) -> float:
    """Seconds of a whole placement: its ops and the casts that it needs."""
    return _whole(graph, placement, costs.op, costs.cast)


def predicted_bytes(graph: Graph, placement: Placement) -> int:
    """Bytes that a placement's casts and its ops without FLOPs move."""
    return int(_whole(graph, placement, partial(idle_bytes, graph), cast_bytes))


def _whole(
    graph: Graph, placement: Placement, op_cost: OpCost, cast_cost: CastCost
) -> float:
    part_of_others = free(graph, placement)
    ops = (
        op_cost(op, placement[op.id])
        for op in graph.ops
        if op.kind is not Kind.FIXED and op.id not in part_of_others
    )
    conversions = (
        cast_cost(graph.tensors[cast.tensor], cast.source, cast.target)
        for cast in casts(graph, placement)
    )
    return math.fsum(ops) + math.fsum(conversions)


def idle_bytes(graph: Graph, op: Op, precision: Precision) -> int:
    """`moved_bytes` of an op without FLOPs, or with int8's; 0 for one that has some."""
    counts = op.flops and not op.quantized
    return 0 if counts else moved_bytes(graph, op, precision)


def moved_bytes(graph: Graph, op: Op, precision: Precision) -> int:
    """Bytes that all runs of `op` read and write when it is placed in `precision`.

    Castable fp32 tensors count in `precision`, fp32 outputs in what the op's kernel
    makes, all others in their own dtype.
    """
    kernel = op.kernel(precision)
    made = kernel.output if kernel else precision
    outputs = [graph.tensors[name] for name in op.outputs]
    written = sum(tensor.elements for tensor in outputs)
    total = sum(
        tensor.elements * (made.bytes if tensor.floating else tensor.itemsize)
        for tensor in outputs
    )
    for slot in op.inputs:
        if slot.tensor is None:
            continue
        tensor = graph.tensors[slot.tensor]
        # An embedding's table is not read whole.
        selects = op.kind is Kind.MOVER and tensor.constant
        read = min(tensor.elements, written) if selects else tensor.elements
        cast = slot.castable and tensor.floating
        total += read * (precision.bytes if cast else tensor.itemsize)
    return total * graph.runs(op)


def cast_bytes(tensor: Tensor, source: Precision, target: Precision) -> int:
    """Bytes that a cast of `tensor` reads and writes, as often as it is made."""
    return tensor.elements * (source.bytes + target.bytes) * tensor.runs
