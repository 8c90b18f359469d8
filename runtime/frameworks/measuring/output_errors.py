"""What low ops do to the outputs on the calibration batch, wherever they are.

Ops in a body that the batch skips change nothing there, and would be trusted to the
end. So they are judged on another route: their body is run the first time that it is
reached, in fp32 and with them low, and what comes out is compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from ...graph.graph import Op, Precision
from ..protocol import Probe

Value = TypeVar("Value")
Value_co = TypeVar("Value_co", covariant=True)

Skipped = frozenset[str]
"""Ids of regions that the batch skips, and that a run goes into all the same."""


class Reruns(Protocol[Value_co]):
    """A traced model on the batch, run again and again, each time with other ops low."""

    @property
    def skipped(self) -> Skipped:
        """Regions that the batch does not go into by itself."""
        ...

    def values(
        self, route: Skipped, precision: Precision, ops: Sequence[Op]
    ) -> Sequence[Value_co] | None:
        """What outputs are compared by, with these ops low and all others in fp32.

        Floats alone: where an output is none, the last floats that feed it. None where
        a loop does not end, or a region of `route` does not take what it is given.
        """
        ...


@dataclass(frozen=True)
class OutputErrors(Generic[Value]):
    """The errors of one traced model on one batch.

    Attributes:
        probes: Op id → what its own outputs are off by.
        relative_error: RMS of the difference over the RMS of the first.
        noise: What fp32 itself puts each output off by, where that is much; taken off,
            else a sigmoid far below zero would seem to be ruined by any op.
        references: What fp32 gives on each route, None where it can't be run.
    """

    reruns: Reruns[Value]
    probes: Mapping[str, Probe]
    relative_error: Callable[[Value, Value], float]
    noise: Sequence[float] = ()
    references: dict[tuple[Skipped, Precision], Sequence[Value] | None] = field(
        default_factory=dict
    )

    def error(self, precision: Precision, ops: Iterable[Op]) -> float:
        """The largest over outputs and routes when all these ops are low at once.

        Infinite where rounding keeps a loop from ending. Where a route can't be run to
        the end, since its operands are another branch's, what the ops' own outputs
        are off by stands in.
        """
        ops = tuple(ops)
        routes = dict.fromkeys(map(self._route, ops))
        return max((self._on(route, precision, ops) for route in routes), default=0.0)

    def _on(self, route: Skipped, precision: Precision, ops: Sequence[Op]) -> float:
        key = route, precision
        if key not in self.references:
            self.references[key] = self.reruns.values(route, precision, ())
        reference = self.references[key]
        if reference is None:
            return max(self.probes[op.id].error for op in ops)
        values = self.reruns.values(route, precision, ops)
        if values is None:
            return math.inf
        errors = list(map(self.relative_error, reference, values))
        if len(self.noise) == len(errors):
            errors = list(map(_beyond, errors, self.noise))
        return max(errors, default=0.0)

    def _route(self, op: Op) -> Skipped:
        return frozenset(filter(op.within, self.reruns.skipped))


def _beyond(error: float, noise: float) -> float:
    """What is left of an error without the noise: they add up as squares do."""
    return math.sqrt(max(error**2 - noise**2, 0.0)) if noise else error
