"""Which ops have a kernel in a low precision: each was run, on real inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from ....graph.graph import Precision
from ...comparing import compared
from ...protocol import Array, Inputs, Probe
from ..ir.regions import Region, every
from ..ir.schemas import PRECISIONS, outputs, precision_attribute
from ..running import eager
from ..running.interpreter import Key, Value
from ..running.low import LowInterpreter
from ..running.reasons import FAILURES, reason


def probe(
    main: Region,
    inputs: Inputs,
    weights: Mapping[str, Array],
    precision: Precision,
    keys: Set[Key],
    unsafe: Set[Key],
) -> dict[Key, Probe]:
    """Run the ops named by `keys` in `precision`, each at its real inputs.

    In a loop, at its first iteration; in a body that the batch skips, at the operands
    that it would have had.

    Args:
        unsafe: Those that would make infinities of what is finite in fp32 on other rows
            than the batch's, as if they did on these.
    """
    runner = _Prober(main, weights, precision=precision, keys=keys, unsafe=unsafe)
    runner.run(inputs)
    return runner.probes


UNSAFE = (
    "a mask or the like may lie at the end of {}'s range here: what it is combined with "
    "would make it infinite on rows that the first batch doesn't have"
)


@dataclass(eq=False, kw_only=True)
class _Prober(LowInterpreter):
    everywhere = True
    unsafe: Set[Key]
    probes: dict[Key, Probe] = field(default_factory=dict)

    def run_op(self, region: Region, node: Any, values: list[Value]) -> list[Value]:
        made = super().run_op(region, node, values)
        key = (region.id, node.name)
        if key in self.keys and key not in self.probes:
            self.probes[key] = self._probe(region, node, values, made)
        return made

    def refused(self, body: Region, message: str) -> None:
        """Ops that were not reached stay fp32 and say why."""
        unreached = Probe(None, math.inf, f"not run on the first batch: {message}")
        for region in every(body):
            for node in region.nodes:
                key = (region.id, node.name)
                if key in self.keys:
                    self.probes.setdefault(key, unreached)

    def _probe(
        self, region: Region, node: Any, values: list[Value], made: list[Value]
    ) -> Probe:
        try:
            low = self.run_low(region, node, values)
        except FAILURES as error:
            return Probe(None, math.inf, reason(error))
        if (region.id, node.name) in self.unsafe:
            return Probe(self.precision, math.inf, UNSAFE.format(self.precision))
        governing = precision_attribute(node)
        pairs = [
            (fp32, each)
            for fp32, each, port in zip(made, low, outputs(node), strict=True)
            if fp32.dtype not in (tf.variant, tf.resource, tf.string)
            and port.attribute in (governing, None)  # others do not follow
        ]
        return compared(
            [eager.widened(fp32) for fp32, _low in pairs],
            [eager.widened(each) for _fp32, each in pairs],
            [PRECISIONS.get(each.dtype.as_datatype_enum) for _fp32, each in pairs],
            self.precision,
        )
