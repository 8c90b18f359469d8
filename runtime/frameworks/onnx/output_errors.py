"""What low ops do to the outputs on the calibration batch, wherever they are.

Ops in a branch that the batch skips change nothing there, and would be trusted to the
end. So they are judged on another route: the branch is taken, in fp32 and with them
low, and what comes out is compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from ...errors import ModelError
from ...graph import Graph, Op, Precision
from ..comparing import relative_error
from ..protocol import Array, Probe
from .execution import Executor
from .loops import ends_by_values, limited, most_iterations
from .naming import name_all
from .observing import captured
from .plain import Calls, bodies
from .predict import widened
from .rewrite import rewrite

BRANCHES = ("/then_branch", "/else_branch")

Route = frozenset[str]
"""Regions that the batch skips and that are run all the same."""


@dataclass(frozen=True)
class OutputErrors:
    """The errors of one model on one batch.

    Attributes:
        model: The prepared model.
        skipped: Regions that the batch does not go into.
        longest: The most iterations that any body took in fp32.
    """

    model: ir.Model
    calls: Calls
    graph: Graph
    batch: Sequence[Array]
    executor: Executor
    probes: Mapping[str, Probe]
    skipped: frozenset[str]
    longest: int = 1
    routes: dict[Route, ir.Model] = field(default_factory=dict)
    references: dict[Route, list[Array]] = field(default_factory=dict)

    def error(self, precision: Precision, ops: Sequence[Op]) -> float:
        """The largest over outputs and routes when all these ops are low at once.

        Infinite where rounding keeps a loop from ending. Where a route can't be run to the end, since its operands are another branch's,
        or goes through a loop that has no iteration, what the ops' own outputs are off
        by stands in.
        """
        routes = dict.fromkeys(map(self._route, ops))
        return max((self._on(route, precision, ops) for route in routes), default=0.0)

    def _on(self, route: Route, precision: Precision, ops: Sequence[Op]) -> float:
        if not all(region.endswith(BRANCHES) for region in route):
            return max(self.probes[op.id].error for op in ops)
        try:
            reference = self._reference(route)
        except Exception:  # a branch that is forced may not take another's operands
            if not route:
                raise
            return max(self.probes[op.id].error for op in ops)
        placement = dict.fromkeys((op.id for op in ops), precision)
        low = self._run(rewrite(self.routes[route], self.calls, self.graph, placement))
        if low is None:
            return math.inf
        return max(map(relative_error, reference, low), default=0.0)

    def _reference(self, route: Route) -> list[Array]:
        if route not in self.references:
            self.routes[route] = _taking(_showing(self.model), self.calls, route)
            found = self._run(self.routes[route])
            assert found is not None  # fp32 ends within what it took
            self.references[route] = found
        return self.references[route]

    def check_it_ends(self, converted: ir.Model) -> None:
        """Run the loops of a converted model, if it has any, on the batch.

        Raises:
            ModelError: One goes on and on where the fp32 model is done.
        """
        if ends_by_values(converted) and self._run(converted) is None:
            raise ModelError(
                "rounding keeps a loop from ending: it takes more than "
                f"{most_iterations(self.longest)} iterations, in fp32 {self.longest} "
                "were enough",
                "Pin to fp32 what its condition depends on.",
            )

    def _run(self, model: ir.Model) -> list[Array] | None:
        """The outputs, None if a loop does not end."""
        counted, most = 0, most_iterations(self.longest)
        if ends_by_values(model):
            model, counted = limited(model, most)
        found = [widened(each) for each in self.executor.compile(model)(self.batch)]
        counts = found[len(found) - counted :]
        if any(count.size >= most for count in counts):
            return None
        return found[: len(found) - counted]

    def _route(self, op: Op) -> Route:
        return frozenset(region for region in self.skipped if op.within(region))


def _showing(model: ir.Model) -> ir.Model:
    """A copy that returns its float outputs, and the last floats that feed the others.

    An index that argmax returns says little of how far its scores are off.
    """
    copy = model.clone()
    shown: dict[ir.Value, None] = {}
    for value in copy.graph.outputs:
        shown.update(dict.fromkeys(_floats_behind(value, copy.graph)))
    copy.graph.outputs[:] = list(shown)
    return copy


def _floats_behind(value: ir.Value, graph: ir.Graph) -> Iterator[ir.Value]:
    waiting, seen = [value], {value}
    while waiting:
        each = waiting.pop()
        node = each.producer()
        if each.dtype == ir.DataType.FLOAT and (node is not None or each is value):
            yield each
            continue
        taken = [] if node is None else [v for v in node.inputs if v is not None]
        for _, body in bodies(node) if node is not None else ():
            taken += captured(body)
        waiting += [v for v in taken if v not in seen]
        seen.update(taken)


def _taking(model: ir.Model, calls: Calls, route: Route) -> ir.Model:
    """The model, whose branches on the route are taken whatever the condition."""
    for site in name_all(model, calls).ops if route else ():
        for region in site.inside:
            if region.id in route:
                taken = np.array(region.id.endswith("/then_branch"))
                name = f"{region.id}.taken"
                value = ir.Value(
                    name=name,
                    const_value=ir.Tensor(taken, name=name),
                    type=ir.TensorType(ir.DataType.BOOL),
                    shape=ir.Shape(()),
                )
                model.graph.register_initializer(value)
                site.node.replace_input_with(0, value)
    return model
