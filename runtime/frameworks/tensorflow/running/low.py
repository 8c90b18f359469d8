"""Running ops in a low precision inside the fp32 graph, and what it says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

import tensorflow as tf

from ....graph.graph import Precision
from ...protocol import Array, Inputs
from ..ir.regions import Region
from ..ir.schemas import narrowed
from ..ir.slots import slots
from ..ir.weights import stored
from . import eager
from .interpreter import Interpreter, Key, Route, Value

FAILURES = (tf.errors.OpError, TypeError, ValueError)
"""What a missing kernel raises; a dtype that the op's definition excludes, too."""


def run(
    main: Region, inputs: Inputs, weights: Mapping[str, Array], route: Route
) -> dict[str, int]:
    """Run a model as it is; region → how often it ran.

    Raises:
        EndlessLoop: A loop went on beyond the route's limit.
    """
    runner = Interpreter(main, weights, route)
    runner.run(inputs)
    return runner.trips


class LowInterpreter(Interpreter):
    """Runs the fp32 graph, and single ops of it in a low precision beside."""

    def __init__(
        self,
        main: Region,
        weights: Mapping[str, Array],
        precision: Precision,
        keys: Set[Key],
        route: Route | None = None,
    ) -> None:
        super().__init__(main, weights, route)
        self.precision, self.keys = precision, keys
        self.narrow: dict[Key, Any] = {}
        self.small: dict[tuple[str, str], Value] = {}

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
            return eager.cast(value, self.precision)
        self.small[key] = tf.constant(stored(value.numpy(), self.precision))
        return self.small[key]
