"""A model run with some ops low: what its output errors are measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ....common.errors import ModelError
from ....graph.graph import Op, Precision
from ...loops import EndlessLoop, Route, most_iterations, never_ends
from ...measuring.output_errors import Skipped
from ...protocol import Array, Inputs
from ..ir.frozen import Frozen
from ..ir.int8.candidate import NOTHING, Quantized
from ..ir.regions import LOOPS, Region, every, regions
from ..running.integers import PartlyInt8
from ..running.interpreter import Interpreter, key_of
from ..running.low import PartlyLow
from ..running.reasons import FAILURES
from .extremes import extremes
from .tails import float_tails


@dataclass(frozen=True)
class Reruns:
    """One model on one batch, each time with other ops low.

    Attributes:
        runners: What runs the graph, made once for each precision.
    """

    main: Region
    inputs: Inputs
    weights: Mapping[str, Array]
    runners: dict[Precision, PartlyLow] = field(default_factory=dict)
    int8: Quantized = NOTHING

    def values(
        self, route: Skipped, precision: Precision, ops: Sequence[Op]
    ) -> list[Array] | None:
        """The float tails; None where the route can't be run to the end."""
        if precision not in self.runners:
            self.runners[precision] = self._runner(precision)
        keys = frozenset(map(key_of, ops))
        most = most_iterations(self._longest) if self._inside else None
        try:
            return self.runners[precision].values(self.inputs, keys, Route(route, most))
        except EndlessLoop:
            return None
        except (*FAILURES, ModelError):  # a forced body may not take another's operands
            if route:
                return None
            raise

    def _runner(self, precision: Precision) -> PartlyLow:
        tails = float_tails(self.main)
        if precision is Precision.INT8:
            return PartlyInt8(
                self.main,
                self.weights,
                precision=precision,
                wanted=tails,
                int8=self.int8,
            )
        return PartlyLow(
            self.main,
            self.weights,
            precision=precision,
            wanted=tails,
            clipped=extremes(self.main, precision, self.weights).tensors,
        )

    def check_it_ends(self, converted: Frozen) -> None:
        """Run the loops of a converted model, if it has any, on the batch.

        Raises:
            ModelError: One goes on and on where the fp32 model is done.
        """
        if not any(
            node.op in LOOPS and node.name in region.bodies
            for region in every(self.main)
            for node in region.nodes
        ):
            return
        route: Route[str] = Route(most=most_iterations(self._longest))
        try:
            Interpreter(regions(converted), converted.weights, route).run(self.inputs)
        except EndlessLoop as error:
            raise never_ends(self._longest) from error

    @cached_property
    def skipped(self) -> Skipped:
        """Regions that the batch does not go into."""
        return frozenset(r.id for r in self._inside if r.id not in self._usual)

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

    @property
    def _longest(self) -> int:
        return max((n for region, n in self._usual.items() if region), default=0)
