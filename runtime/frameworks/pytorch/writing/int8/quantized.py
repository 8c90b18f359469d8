"""What is known of a model's int8: its scales, and which ops ran."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import torch
from torch import fx

from ....protocol import Probe
from ....quantizing.quantization import Scale, Scales
from ...ir.prepared import constant
from .candidate import Candidate, IntegerWeight, integer_weight


@dataclass(frozen=True)
class Quantized:
    """A model's int8.

    Attributes:
        ops: Op id → what it takes as integers.
        scales: Of all activations that they take; empty where they come as it runs.
        dynamic: Whether they do.
        probes: Op id → what became of it in int8, beside fp32.
        refusals: Op id → why it has no int8 kernel.
        known: Op id → its weight, where it was looked at.
    """

    ops: Mapping[str, Candidate] = field(default_factory=dict)
    scales: Scales = field(default_factory=dict)
    dynamic: bool = False
    probes: Mapping[str, Probe] = field(default_factory=dict)
    refusals: Mapping[str, str] = field(default_factory=dict)
    known: dict[str, IntegerWeight] = field(default_factory=dict)

    def weight(self, op: str, module: fx.GraphModule, node: fx.Node) -> IntegerWeight:
        """An op's weight as integers, made once.

        Args:
            node: Of the weight in fp32, in the module's graph.
        """
        if op not in self.known:
            self.known[op] = integer_weight(constant(module, node), self.ops[op])
        return self.known[op]

    def scale(self, tensor: str) -> Scale | None:
        """That of an activation; None where it comes as the model runs."""
        return None if self.dynamic else self.scales[tensor]

    def of_nodes(self, nodes: Collection[str]) -> list[str]:
        """Ids of the ops that these nodes are, in graph order."""
        return [name for name, op in self.ops.items() if op.node in nodes]


NOTHING = Quantized()

ENDS = {torch.uint8: (0, 255), torch.int8: (-128, 127)}
"""Least and largest integer."""

WEIGHT = torch.int8
TAKEN = torch.uint8
"""What kernels take: oneDNN's have a sign for weights alone."""
