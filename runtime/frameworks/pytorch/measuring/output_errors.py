"""A program run with some ops low: what its output errors are measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import fx

from ....graph.graph import Op, Precision
from ...loops import EndlessLoop, Route, most_iterations, never_ends
from ...measuring.output_errors import Skipped
from ...protocol import Inputs
from ..ir import nodes
from ..ir.prepared import Prepared
from ..ir.regions import Region, regions
from ..running.interpreter import trips
from ..running.low import values_with_low
from .tails import float_tails


@dataclass(frozen=True)
class Reruns:
    """One program on one batch, each time with other ops low."""

    prepared: Prepared
    inputs: Inputs

    def values(
        self, route: Skipped, precision: Precision, ops: Sequence[Op]
    ) -> list[torch.Tensor] | None:
        """The float tails; None where the route can't be run to the end."""
        module = self.prepared.module
        wanted, keys = float_tails(module.graph), [str(op.key) for op in ops]
        forced = frozenset(r.module for r in self._regions if r.id in route)
        way = Route(forced, most_iterations(self._longest) if self._usual else None)
        try:
            return values_with_low(module, self.inputs, precision, keys, wanted, way)
        except EndlessLoop:
            return None
        except Exception:  # a body that is forced may not take another's operands
            if route:
                return None
            raise

    def check_it_ends(self, converted: fx.GraphModule) -> None:
        """Run the loops of a converted model, if it has any, on the batch.

        Raises:
            ModelError: One goes on and on where the fp32 model is done.
        """
        callers = [r.caller for r in self._regions if r.caller is not None]
        if not any(nodes.operator_name(caller) == "while_loop" for caller in callers):
            return
        try:
            trips(converted, self.inputs, Route(most=most_iterations(self._longest)))
        except EndlessLoop as error:
            raise never_ends(self._longest) from error

    @cached_property
    def skipped(self) -> Skipped:
        """Regions that the batch does not go into."""
        return frozenset(r.id for r in self._regions if r.module not in self._usual)

    @cached_property
    def _regions(self) -> tuple[Region, ...]:
        _main, *inside = regions(self.prepared.module, self.prepared.ids)
        return tuple(inside)

    @cached_property
    def _usual(self) -> dict[fx.GraphModule, int]:
        return (
            trips(self.prepared.module, self.inputs, Route()) if self._regions else {}
        )

    @property
    def _longest(self) -> int:
        return max(self._usual.values(), default=0)
