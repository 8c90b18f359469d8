"""Running ops in a low precision inside the fp32 graph, and what it says of them."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from ....graph.graph import Precision
from ...loops import Route
from ...protocol import Array, Inputs
from ..ir.naming import flat
from ..ir.regions import Region
from ..ir.schemas import TYPES, narrowed
from ..ir.slots import slots
from ..ir.weights import stored
from . import eager
from .interpreter import Interpreter, Key, Value


@dataclass(eq=False, kw_only=True)
class LowInterpreter(Interpreter):
    """Runs the fp32 graph, and single ops of it in a low precision beside.

    Attributes:
        clipped: Region and reference of what casts keep within the format's range.
    """

    precision: Precision
    keys: Set[Key] = frozenset()
    clipped: Set[tuple[str, str]] = frozenset()
    narrow: dict[Key, Any] = field(default_factory=dict)
    small: dict[tuple[str, str], Value] = field(default_factory=dict)

    def run_low(self, region: Region, node: Any, values: Sequence[Value]) -> list[Any]:
        """The op's outputs as its kernel in the low precision makes them."""
        return eager.run(
            self.low_node(region, node), self.low_values(region, node, values)
        )

    def low_node(self, region: Region, node: Any) -> Any:
        """The node with its precision changed, made once."""
        key = (region.id, node.name)
        if key not in self.narrow:
            self.narrow[key] = narrowed(node, self.precision)
        return self.narrow[key]

    def low_values(
        self, region: Region, node: Any, values: Sequence[Value]
    ) -> list[Value]:
        """The op's inputs, fp32 tensors in castable slots cast."""
        references = [r for r in node.input if not r.startswith("^")]
        return [
            self._low(region, reference, value) if castable else value
            for reference, value, castable in zip(
                references, values, slots(node), strict=True
            )
        ]

    def _low(self, region: Region, reference: str, value: Value) -> Value:
        if value.dtype != tf.float32:
            return value
        constant = self.is_constant(region, reference)
        key = (region.id, reference)
        if key in self.small:
            return self.small[key]
        if not constant:
            fits = key in self.clipped
            value = eager.fitted(value, self.precision) if fits else value
            return eager.cast(value, self.precision)
        self.small[key] = tf.constant(stored(value.numpy(), self.precision))
        return self.small[key]


@dataclass(eq=False, kw_only=True)
class Observed(LowInterpreter):
    """Keeps what the main graph makes of some of its tensors.

    Attributes:
        wanted: References in the main graph, to no constants.
        found: What they are in this run.
    """

    wanted: Sequence[str]
    found: dict[str, Value] = field(default_factory=dict)

    def made(self, region: Region, name: str, values: list[Value]) -> None:
        if not region.id:
            for index, value in enumerate(values):
                if flat(name, index) in self.wanted:
                    self.found[flat(name, index)] = value


class PartlyLow(Observed):
    """One graph for any number of runs: weights and nodes are cast once."""

    def values(self, inputs: Inputs, keys: Set[Key], route: Route[str]) -> list[Array]:
        """What is wanted, with these ops low and what they make cast back.

        Raises:
            EndlessLoop: A loop went on beyond the route's limit.
        """
        self.keys, self.route = keys, route
        self.found.clear()
        self.run(inputs)
        return [eager.widened(self.found.pop(reference)) for reference in self.wanted]

    def run_op(self, region: Region, node: Any, values: list[Value]) -> list[Value]:
        if (region.id, node.name) not in self.keys:
            return super().run_op(region, node, values)
        return [wide(value) for value in self.run_low(region, node, values)]


def wide(value: Value) -> Value:
    """A 16-bit float tensor as fp32, any other as it is."""
    if value.dtype.as_datatype_enum in (TYPES[Precision.BF16], TYPES[Precision.FP16]):
        return eager.cast(value, Precision.FP32)
    return value
