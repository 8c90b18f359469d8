"""From a traced fp32 model to one with scales, and ops that ran in int8."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ....graph.graph import Graph, Placement, Precision
from ...protocol import Inputs, Probe
from ...quantizing.kernels import check_scaled, first, recorded
from ...quantizing.quantization import Quantization, Scales
from ...quantizing.scaling import scale_of
from ..ir.network import Network
from ..measuring.probes import probe
from .candidates import Candidate, Candidates, candidates, without_zero_points
from .ranges import ranges


@dataclass(frozen=True)
class Quantized:
    """A model's int8.

    Attributes:
        ops: Op id → what it takes as integers.
        scales: Of all activations that kernels may take or make.
        probes: Op id → what became of it in int8, beside fp32.
        refusals: Op id → why it has no int8 kernel.
    """

    ops: Mapping[str, Candidate] = field(default_factory=dict)
    scales: Scales = field(default_factory=dict)
    probes: Mapping[str, Probe] = field(default_factory=dict)
    refusals: Mapping[str, str] = field(default_factory=dict)

    def taken(self, placement: Placement) -> dict[str, str]:
        """Op in int8 → the tensor that it takes.

        Raises:
            PlanError: There are no scales for one.
        """
        check_scaled(placement, self.ops, self.refusals)
        return {
            op: self.ops[op].taken
            for op, precision in placement.items()
            if precision is Precision.INT8
        }


NOTHING = Quantized()


def calibrated(
    network: Network,
    graph: Graph,
    batch: Inputs,
    data: Iterable[Inputs],
    how: Quantization,
) -> Quantized:
    """Scales from ranges over `data`, and what ran with them on the batch.

    Raises:
        DataError: There is no batch.
    """
    found = candidates(network, graph, how)
    wanted = found.tensors
    algorithms = {name: each.algorithm for name, each in wanted.items()}
    given = ranges(network, first(data, how.samples), algorithms)
    scales = {name: scale_of(*given[name], each) for name, each in wanted.items()}
    return _probed(network, batch, found, scales)


def with_scales(
    network: Network, graph: Graph, batch: Inputs, scales: Scales, how: Quantization
) -> Quantized:
    """What runs with these scales.

    Raises:
        PlanError: A tensor has none that an op would take as integers.
    """
    found = candidates(network, graph, how)
    return _probed(network, batch, found, recorded(scales, found.tensors))


def _probed(
    network: Network, batch: Inputs, found: Candidates, scales: Scales
) -> Quantized:
    tried = without_zero_points(found, scales)
    int8 = {
        op.node: (scales[op.taken], scales[op.made[0]]) for op in tried.ops.values()
    }
    by_node = {op.node: name for name, op in tried.ops.items()}
    ran = probe(network, batch, Precision.INT8, list(by_node), int8)
    probes = {by_node[index]: each for index, each in ran.items()}
    failed = {name: each.message for name, each in probes.items() if not each.output}
    return Quantized(
        {name: op for name, op in tried.ops.items() if name not in failed},
        scales,
        probes,
        {**tried.refusals, **failed},
    )
