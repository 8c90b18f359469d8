"""The fp32 graph run again and again, each time with other ops low."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

from ....graph.graph import Precision
from ...protocol import Array, Inputs
from ..ir.naming import flat
from ..ir.regions import Region
from ..ir.schemas import TYPES
from . import eager
from .interpreter import Key, Route, Value
from .low import LowInterpreter


class Observed(LowInterpreter):
    """Keeps what the main graph makes of some of its tensors.

    Attributes:
        wanted: References in the main graph, to no constants.
        found: What they are in this run.
    """

    def __init__(
        self,
        main: Region,
        weights: Mapping[str, Array],
        precision: Precision,
        keys: Set[Key],
        wanted: Sequence[str],
    ) -> None:
        super().__init__(main, weights, precision, keys)
        self.wanted = tuple(wanted)
        self.found: dict[str, Value] = {}

    def made(self, region: Region, name: str, values: list[Value]) -> None:
        if not region.id:
            for index, value in enumerate(values):
                if flat(name, index) in self.wanted:
                    self.found[flat(name, index)] = value


class PartlyLow(Observed):
    """One graph for any number of runs: weights and nodes are cast once."""

    def __init__(
        self,
        main: Region,
        weights: Mapping[str, Array],
        precision: Precision,
        wanted: Sequence[str],
    ) -> None:
        super().__init__(main, weights, precision, frozenset(), wanted)

    def values(self, inputs: Inputs, keys: Set[Key], route: Route) -> list[Array]:
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
