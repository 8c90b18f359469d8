"""What is known of a model's int8: its scales, and which ops ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import onnx_ir as ir

from .....common.errors import PlanError
from .....graph.graph import Placement, Precision
from ....protocol import Probe
from ....quantizing.quantization import Scales
from ....quantizing.scaling import Floats, WeightScales, weight_scales
from .candidate import Candidate


@dataclass(frozen=True)
class Quantized:
    """A model's int8.

    Attributes:
        ops: Op id → what it takes as integers.
        scales: Of all activations that they take.
        probes: Op id → what became of it in int8, beside fp32.
        refusals: Op id → why it has no int8 kernel.
        known: Scales of weights that were looked at.
    """

    ops: Mapping[str, Candidate] = field(default_factory=dict)
    scales: Scales = field(default_factory=dict)
    probes: Mapping[str, Probe] = field(default_factory=dict)
    refusals: Mapping[str, str] = field(default_factory=dict)
    known: dict[str, WeightScales] = field(default_factory=dict)

    def weight(
        self, op: str, stored: ir.TensorProtocol, bias: Floats | None
    ) -> WeightScales:
        """The scales of an op's weight."""
        if op not in self.known:
            weight = self.ops[op].weight
            assert weight is not None
            self.known[op] = weight_scales(
                stored.numpy(), weight.axis, weight.integers, bias
            )
        return self.known[op]

    def check(self, placement: Placement) -> None:
        """See that there are scales for all ops that a placement has in int8.

        Raises:
            PlanError: There are none for one.
        """
        for op, precision in placement.items():
            if precision is Precision.INT8 and op not in self.ops:
                why = self.refusals.get(op, "nothing was calibrated")
                raise PlanError(
                    f"op {op} is to be int8, for which there are no scales: {why}",
                    "Search anew, without the plan.",
                )


NOTHING = Quantized()
