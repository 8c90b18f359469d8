"""Running ops in a low precision inside the fp32 graph, and what it says of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from typing import Any

import tensorflow as tf

from ...graph import Precision
from ..comparing import compared
from ..protocol import Array, Inputs, Probe
from . import eager
from .definitions import PRECISIONS, narrowed, outputs, precision_attribute
from .interpreter import Interpreter, Key, Route, Value, first_line
from .picture import slots
from .regions import Region, every

FAILURES = (tf.errors.OpError, TypeError, ValueError)
"""What a missing kernel raises; a dtype that the op's definition excludes, too."""


def probe(
    main: Region,
    inputs: Inputs,
    weights: Mapping[str, Array],
    precision: Precision,
    keys: Set[Key],
) -> dict[Key, Probe]:
    """Run the ops named by `keys` in `precision`, each at its real inputs.

    In a loop, at its first iteration; in a body that the batch skips, at the operands
    that it would have had.
    """
    runner = _Prober(main, weights, precision, keys)
    runner.run(inputs)
    return runner.probes


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
        self.small[key] = tf.constant(eager.stored(value.numpy(), self.precision))
        return self.small[key]


class _Prober(LowInterpreter):
    everywhere = True

    def __init__(
        self,
        main: Region,
        weights: Mapping[str, Array],
        precision: Precision,
        keys: Set[Key],
    ) -> None:
        super().__init__(main, weights, precision, keys)
        self.probes: dict[Key, Probe] = {}

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
            return Probe(None, math.inf, first_line(error))
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
