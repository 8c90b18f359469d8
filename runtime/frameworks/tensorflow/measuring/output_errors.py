"""What low ops do to the outputs on the calibration batch, wherever they are.

Ops in a body that the batch skips change nothing there, and would be trusted to the
end. So they are judged on another route: their body is run the first time that it is
reached, in fp32 and with them low, and what comes out is compared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property

from ....common.errors import ModelError
from ....graph.graph import Op, Precision
from ...comparing import relative_error
from ...protocol import Array, Inputs, Probe
from ..ir.regions import Region, every
from ..running.interpreter import EndlessLoop, Interpreter, Key, Route, key_of
from ..running.low import FAILURES
from ..running.partly import PartlyLow
from .sketch import sketch
from .tails import float_tails

Values = list[Array]


@dataclass(frozen=True)
class OutputErrors:
    """The errors of one model on one batch.

    Attributes:
        references: What fp32 gives on each route.
        runners: What runs the graph, made once for each precision.
    """

    main: Region
    inputs: Inputs
    weights: Mapping[str, Array]
    probes: Mapping[str, Probe]
    references: dict[Route, Values | None] = field(default_factory=dict)
    runners: dict[Precision, PartlyLow] = field(default_factory=dict)

    def error(self, precision: Precision, ops: Sequence[Op]) -> float:
        """The largest over outputs and routes when all these ops are low at once.

        Infinite where rounding keeps a loop from ending. Where a route can't be run to
        the end, since its operands are another branch's, what the ops' own outputs
        are off by stands in.
        """
        routes = dict.fromkeys(map(self._route, ops))
        return max((self._on(route, precision, ops) for route in routes), default=0.0)

    def sketch(
        self, precision: Precision, ops: Sequence[Op], probes: int, seed: int
    ) -> dict[str, float]:
        """Op id → `error` of it alone, squared, as far as gradients tell."""
        keys = {key_of(op): op.id for op in ops}
        found = sketch(
            self.main,
            self.inputs,
            self.weights,
            precision,
            keys.keys(),
            self._wanted,
            probes,
            seed,
        )
        return {keys[key]: each for key, each in found.items()}

    @property
    def most_iterations(self) -> int | None:
        """Iterations beyond which rounding is to blame; None without branch or loop."""
        bodies = [trips for region, trips in self._usual.items() if region]
        return 10 * max(bodies, default=0) + 100 if self._inside else None

    def _on(self, route: Route, precision: Precision, ops: Sequence[Op]) -> float:
        if route not in self.references:
            self.references[route] = self._values(route, precision, frozenset())
        reference = self.references[route]
        if reference is None:
            return max(self.probes[op.id].error for op in ops)
        values = self._values(route, precision, frozenset(map(key_of, ops)))
        if values is None:
            return math.inf
        return max(map(relative_error, reference, values), default=0.0)

    def _values(
        self, route: Route, precision: Precision, keys: Set[Key]
    ) -> Values | None:
        if precision not in self.runners:
            self.runners[precision] = PartlyLow(
                self.main, self.weights, precision, self._wanted
            )
        try:
            return self.runners[precision].values(self.inputs, keys, route)
        except EndlessLoop:
            return None
        except (*FAILURES, ModelError):  # a forced body may not take another's operands
            if route.forced:
                return None
            raise

    def _route(self, op: Op) -> Route:
        skipped = (
            region.id
            for region in self._inside
            if op.within(region.id) and region.id not in self._usual
        )
        return Route(frozenset(skipped), self.most_iterations)

    @cached_property
    def _wanted(self) -> tuple[str, ...]:
        return float_tails(self.main)

    @cached_property
    def _inside(self) -> tuple[Region, ...]:
        _main, *inside = every(self.main)
        return tuple(inside)

    @cached_property
    def _usual(self) -> dict[str, int]:
        if not self._inside:
            return {}
        runner = Interpreter(self.main, self.weights)
        runner.run(self.inputs)
        return runner.trips
