"""Ops in int8 inside the fp32 graph, as their kernels compute them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from ...quantizing.quantization import Scale
from ...quantizing.scaling import ENDS
from ..ir.int8.candidate import NOTHING, Candidate, Quantized, weight_integers
from ..ir.naming import data as data_of
from ..ir.regions import Region
from ..ir.weights import value_of
from .interpreter import Value
from .low import PartlyLow


def rounded(value: Value, scale: Scale) -> Value:
    """A fp32 tensor of values that integers of this scale stand for."""
    low, high = (end - scale.zero_point for end in ENDS[scale.dtype])
    whole = tf.clip_by_value(tf.round(value / scale.scale), low, high)
    return whole * scale.scale


@dataclass(eq=False, kw_only=True)
class PartlyInt8(PartlyLow):
    """What int8 kernels make is exact but for what they round: that is done in fp32."""

    int8: Quantized = NOTHING
    stored: dict[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.parts: Mapping[str, Candidate] = self.int8.parts

    def run_op(self, region: Region, node: Any, values: list[Value]) -> list[Value]:
        op = self.parts.get(node.name) if not region.id else None
        if op is None or ("", op.chain[0]) not in self.keys:
            return super(PartlyLow, self).run_op(region, node, values)
        if node.name == op.chain[0]:
            data, _weight = values
            data = rounded(data, self.int8.scales[op.taken])
            values = [data, self._weight(op, region)]
        if node.name == op.sum:
            values = [
                rounded(value, self.int8.scales[name]) if name == op.added else value
                for name, value in zip(data_of(node), values, strict=True)
            ]
        made = super(PartlyLow, self).run_op(region, node, values)
        if node.name == op.end and op.rounded:
            return [rounded(made[0], self.int8.scales[op.end])]
        return made

    def _weight(self, op: Candidate, region: Region) -> Value:
        if op.chain[0] not in self.stored:
            values = value_of(region.by_name[op.weight])
            values = values.T if op.turned else values
            whole, ends = weight_integers(values, op.axis)
            found = whole.astype("float32") * (ends / 127)
            self.stored[op.chain[0]] = tf.constant(found.T if op.turned else found)
        return self.stored[op.chain[0]]
