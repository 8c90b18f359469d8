"""What low ops do to the outputs on the calibration batch, wherever they are.

Ops in a branch that the batch skips change nothing there, and would be trusted to the
end. So they are judged on another route: the branch is taken, in fp32 and with them
low, and what comes out is compared. For each route one model is compiled, which any
group of ops can be low in (`switching.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from ....common.errors import ModelError
from ....graph.graph import Graph, Op, Precision
from ...comparing import relative_error
from ...protocol import Array, Probe
from ..ir.inline import Calls
from ..ir.naming import name_all
from ..ir.regions import bodies
from ..ir.serialization import weight_bytes
from ..running.loops import ends_by_values, limited, most_iterations
from ..running.observing import captured
from ..running.predict import widened
from ..running.session import Executor
from ..writing.rewrite import rewrite
from .switching import MOST, switched

BRANCHES = ("/then_branch", "/else_branch")

Route = frozenset[str]
"""Regions that the batch skips and that are run all the same."""


Pass = Callable[[Sequence[str]], list[Array] | None]
"""Op ids to be low → the outputs, None if a loop does not end."""


@dataclass(frozen=True, slots=True)
class Passes:
    """A route that is ready to be run with any group of ops low.

    Attributes:
        reference: What it returns in fp32.
    """

    run: Pass
    reference: list[Array]


def _with_reference(run: Pass) -> Passes:
    found = run(())
    assert found is not None  # fp32 ends within what it took
    return Passes(run, found)


@dataclass(frozen=True)
class OutputErrors:
    """The errors of one model on one batch.

    Attributes:
        model: The prepared model.
        skipped: Regions that the batch does not go into.
        longest: The most iterations that any body took in fp32.
        most: Bytes of weights up to which they are held in both precisions at once.
    """

    model: ir.Model
    calls: Calls
    graph: Graph
    batch: Sequence[Array]
    executor: Executor
    probes: Mapping[str, Probe]
    skipped: frozenset[str]
    longest: int = 1
    most: int = MOST
    passes: dict[tuple[Route, Precision], Passes | None] = field(default_factory=dict)

    def error(self, precision: Precision, ops: Sequence[Op]) -> float:
        """The largest over outputs and routes when all these ops are low at once.

        Infinite where rounding keeps a loop from ending. Where a route can't be run to the end, since its operands are another branch's,
        or goes through a loop that has no iteration, what the ops' own outputs are off
        by stands in.
        """
        routes = dict.fromkeys(map(self._route, ops))
        return max((self._on(route, precision, ops) for route in routes), default=0.0)

    def _on(self, route: Route, precision: Precision, ops: Sequence[Op]) -> float:
        passes = self._passes(route, precision)
        if passes is None:
            return max(self.probes[op.id].error for op in ops)
        low = passes.run([op.id for op in ops])
        if low is None:
            return math.inf
        return max(map(relative_error, passes.reference, low), default=0.0)

    def _passes(self, route: Route, precision: Precision) -> Passes | None:
        key = route, precision
        if key not in self.passes:
            self.passes[key] = self._prepared(route, precision)
        return self.passes[key]

    def _prepared(self, route: Route, precision: Precision) -> Passes | None:
        """The route ready for passes, None where it can't be run to the end."""
        if not all(region.endswith(BRANCHES) for region in route):
            return None
        model = _taking(_showing(self.model), self.calls, route)
        if weight_bytes(model) <= self.most:
            try:
                return _with_reference(self._at_once(model, precision))
            except Exception:  # a runtime may not take together what it takes in parts
                pass
        try:
            return _with_reference(self._each_anew(model, precision))
        except Exception:  # a branch that is forced may not take another's operands
            if not route:
                raise
            return None

    def _at_once(self, model: ir.Model, precision: Precision) -> Pass:
        """Compile one model for all groups."""
        double = switched(model, self.calls, self.graph, precision)
        run = self._compiled(double.model)
        return lambda low: run([*self.batch, double.mask(low)])

    def _each_anew(self, model: ir.Model, precision: Precision) -> Pass:
        """Convert and compile for each group: half the memory, many times as long."""

        def run(low: Sequence[str]) -> list[Array] | None:
            placement = dict.fromkeys(low, precision)
            made = rewrite(model, self.calls, self.graph, placement)
            return self._compiled(made)(self.batch)

        return run

    def check_it_ends(self, converted: ir.Model) -> None:
        """Run the loops of a converted model, if it has any, on the batch.

        Raises:
            ModelError: One goes on and on where the fp32 model is done.
        """
        if ends_by_values(converted) and self._compiled(converted)(self.batch) is None:
            raise ModelError(
                "rounding keeps a loop from ending: it takes more than "
                f"{most_iterations(self.longest)} iterations, in fp32 {self.longest} "
                "were enough",
                "Pin to fp32 what its condition depends on.",
            )

    def _compiled(
        self, model: ir.Model
    ) -> Callable[[Sequence[Array]], list[Array] | None]:
        """Inputs → outputs, None if a loop does not end."""
        counted, most = 0, most_iterations(self.longest)
        if ends_by_values(model):
            model, counted = limited(model, most)
        session = self.executor.compile(model)

        def run(inputs: Sequence[Array]) -> list[Array] | None:
            found = [widened(each) for each in session(inputs)]
            counts = found[len(found) - counted :]
            if any(count.size >= most for count in counts):
                return None
            return found[: len(found) - counted]

        return run

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
