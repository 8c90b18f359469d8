"""Which ops have an int8 kernel here: each kernel was run, and each op on real inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ....graph.graph import Precision
from ...comparing import relative_error
from ...protocol import Array, Inputs, Probe
from ..ir.int8.candidate import Candidate, Quantized
from ..ir.naming import data
from ..ir.regions import Region
from ..running.integers import PartlyInt8
from ..running.interpreter import Value
from .alone import Alone, alone
from .child import tried

FP32, INT8 = Precision.FP32, Precision.INT8


def probed(
    main: Region, batch: Inputs, weights: Mapping[str, Array], int8: Quantized
) -> Quantized:
    """The same with what became of each op; those that fail are refused."""
    runner = _Prober(main, weights, precision=INT8, wanted=(), int8=int8)
    runner.run(batch)
    answers = tried([*runner.forms.values()]) if runner.forms else {}
    why = {name: answers[form] for name, form in runner.forms.items()}
    failed = {name: why.get(name, "it was not run") for name in int8.ops}
    failed = {name: said for name, said in failed.items() if said}
    probes = {
        name: Probe(None, math.inf, failed[name])
        if name in failed
        else Probe(FP32, runner.errors[name])
        for name in int8.ops
    }
    return replace(
        int8,
        ops={name: op for name, op in int8.ops.items() if name not in failed},
        probes=probes,
        refusals={**int8.refusals, **failed},
    )


@dataclass(eq=False, kw_only=True)
class _Prober(PartlyInt8):
    """Runs the model in fp32, and each op in int8 beside, its bias and ReLU with it."""

    forms: dict[str, Alone] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    low: dict[str, Value] = field(default_factory=dict)

    def run_op(self, region: Region, node: Any, values: list[Value]) -> list[Value]:
        made = super().run_op(region, node, values)
        op = self.parts.get(node.name) if not region.id else None
        if op is not None:
            self._try(region, op, node, values, made)
        return made

    def _try(
        self,
        region: Region,
        op: Candidate,
        node: Any,
        values: list[Value],
        made: list[Value],
    ) -> None:
        name = op.chain[0]
        scales = self.int8.scales
        if node.name == name:
            dtypes = scales[op.taken].dtype, scales[op.tensors[-1]].dtype
            shapes = [tuple(each.shape) for each in values]
            self.forms[name] = alone(node, op, shapes, dtypes)
        else:
            before = op.chain[op.chain.index(node.name) - 1]
            low_ = self.low.pop(name)
            values = [
                low_ if reference == before else value
                for reference, value in zip(data(node), values, strict=True)
            ]
        self.keys = frozenset({("", name)})
        (low,) = super().run_op(region, node, values)
        self.keys = frozenset()
        if node.name == op.end:
            self.errors[name] = relative_error(made[0].numpy(), low.numpy())
        else:
            self.low[name] = low
