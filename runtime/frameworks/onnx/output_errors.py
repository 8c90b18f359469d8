"""What low ops do to the outputs on the calibration batch, wherever they are.

Ops in a branch that the batch skips change nothing there, and would be trusted to the
end. So they are judged on another route: the branch is taken, in fp32 and with them
low, and what comes out is compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from ...graph import Graph, Op, Precision
from ..comparing import relative_error
from ..protocol import Array, Probe
from .execution import Executor
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
    """

    model: ir.Model
    calls: Calls
    graph: Graph
    batch: Sequence[Array]
    executor: Executor
    probes: Mapping[str, Probe]
    skipped: frozenset[str]
    routes: dict[Route, ir.Model] = field(default_factory=dict)
    references: dict[Route, list[Array]] = field(default_factory=dict)

    def error(self, precision: Precision, ops: Sequence[Op]) -> float:
        """The largest over outputs and routes when all these ops are low at once.

        Where a route can't be run to the end, since its operands are another branch's,
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
        return max(map(relative_error, reference, low), default=0.0)

    def _reference(self, route: Route) -> list[Array]:
        if route not in self.references:
            self.routes[route] = _taking(_showing(self.model), self.calls, route)
            self.references[route] = self._run(self.routes[route])
        return self.references[route]

    def _run(self, model: ir.Model) -> list[Array]:
        return [widened(each) for each in self.executor.compile(model)(self.batch)]

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
