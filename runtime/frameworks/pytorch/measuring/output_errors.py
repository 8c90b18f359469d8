"""What low ops do to the outputs on the calibration batch, wherever they are.

Ops in a body that the batch skips change nothing there, and would be trusted to the
end. So they are judged on another route: their body is run the first time that it is
reached, in fp32 and with them low, and what comes out is compared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import fx

from ....common.errors import ModelError
from ....graph.graph import Op, Precision
from ...protocol import Inputs, Probe
from ..ir import nodes
from ..ir.prepared import Prepared
from ..ir.regions import Region, regions
from ..running.interpreter import EndlessLoop, Route, trips
from ..running.low import values_with_low
from .probes import relative_error
from .tails import float_tails

Values = list[torch.Tensor]


@dataclass(frozen=True)
class OutputErrors:
    """The errors of one program on one batch."""

    prepared: Prepared
    inputs: Inputs
    probes: Mapping[str, Probe]
    references: dict[Route, Values | None] = field(default_factory=dict)

    def error(self, precision: Precision, ops: Sequence[Op]) -> float:
        """The largest over outputs and routes when all these ops are low at once.

        Infinite where rounding keeps a loop from ending. Where a route can't be run to
        the end, since its operands are another branch's, what the ops' own outputs
        are off by stands in.
        """
        routes = dict.fromkeys(map(self._route, ops))
        return max((self._on(route, precision, ops) for route in routes), default=0.0)

    def check_it_ends(self, converted: fx.GraphModule) -> None:
        """Run the loops of a converted model, if it has any, on the batch.

        Raises:
            ModelError: One goes on and on where the fp32 model is done.
        """
        callers = [r.caller for r in self._regions if r.caller is not None]
        if not any(nodes.operator_name(caller) == "while_loop" for caller in callers):
            return
        try:
            trips(converted, self.inputs, Route(most=self.most_iterations))
        except EndlessLoop as error:
            raise ModelError(
                f"rounding keeps a loop from ending: {error}, in fp32 "
                f"{max(self._usual.values())} were enough",
                "Pin to fp32 what its condition depends on.",
            ) from error

    @property
    def most_iterations(self) -> int | None:
        """Iterations beyond which rounding is to blame; None without branch or loop."""
        return 10 * max(self._usual.values()) + 100 if self._usual else None

    def _on(self, route: Route, precision: Precision, ops: Sequence[Op]) -> float:
        if route not in self.references:
            self.references[route] = self._values(route, Precision.FP32, [])
        reference = self.references[route]
        if reference is None:
            return max(self.probes[op.id].error for op in ops)
        values = self._values(route, precision, [str(op.key) for op in ops])
        if values is None:
            return math.inf
        return max(map(relative_error, reference, values), default=0.0)

    def _values(
        self, route: Route, precision: Precision, keys: list[str]
    ) -> Values | None:
        module = self.prepared.module
        wanted = float_tails(module.graph)
        try:
            return values_with_low(module, self.inputs, precision, keys, wanted, route)
        except EndlessLoop:
            return None
        except Exception:  # a body that is forced may not take another's operands
            if route.forced:
                return None
            raise

    def _route(self, op: Op) -> Route:
        skipped = (
            region.module
            for region in self._regions
            if op.within(region.id) and region.module not in self._usual
        )
        return Route(frozenset(skipped), self.most_iterations)

    @cached_property
    def _regions(self) -> tuple[Region, ...]:
        _main, *inside = regions(self.prepared.module, self.prepared.ids)
        return tuple(inside)

    @cached_property
    def _usual(self) -> dict[fx.GraphModule, int]:
        if not self._regions:
            return {}
        return trips(self.prepared.module, self.inputs)
