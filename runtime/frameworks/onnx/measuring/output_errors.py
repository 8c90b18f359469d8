"""A model run with some ops low: what its output errors are measured on.

For each route one model is compiled, which any group of ops can be low in
(`switching.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from ....graph.graph import Graph, Op, Precision
from ...loops import most_iterations, never_ends
from ...measuring.output_errors import Skipped
from ...protocol import Array
from ..ir.inline import Calls
from ..ir.naming import name_all
from ..ir.serialization import weight_bytes
from ..ir.weights import register
from ..running.loops import ends_by_values, limited
from ..running.predict import widened
from ..running.session import Executor
from ..writing.int8.quantized import NOTHING, Quantized
from ..writing.rewrite import rewrite
from .masked_model import MOST, switched
from .tails import showing_tails

BRANCHES = ("/then_branch", "/else_branch")

Pass = Callable[[Sequence[str]], list[Array] | None]
"""Op ids to be low → the outputs, None if a loop does not end."""


Passes = tuple[Pass, list[Array]]
"""A route that is ready to be run with any group of ops low, and what fp32 returns."""


def _with_reference(run: Pass) -> Passes:
    found = run(())
    assert found is not None  # fp32 ends within what it took
    return run, found


@dataclass(frozen=True)
class Reruns:
    """One model on one batch, each time with other ops low.

    Attributes:
        model: The prepared model.
        skipped: Regions that the batch does not go into.
        longest: The most iterations that any body took in fp32.
        far: Tensors that may be finite in fp32 and beyond the range of a precision.
        int8: What ops in int8 take.
        most: Bytes of weights up to which they are held in both precisions at once.
    """

    model: ir.Model
    calls: Calls
    graph: Graph
    batch: Sequence[Array]
    executor: Executor
    skipped: Skipped
    longest: int = 1
    far: Callable[[Precision], Collection[str]] = lambda _precision: ()
    int8: Quantized = NOTHING
    most: int = MOST
    passes: dict[tuple[Skipped, Precision], Passes | None] = field(default_factory=dict)

    def values(
        self, route: Skipped, precision: Precision, ops: Sequence[Op]
    ) -> list[Array] | None:
        """The float tails; None where the route can't be run to the end.

        Nor can one that goes through a loop which has no iteration.
        """
        key = route, precision
        if key not in self.passes:
            self.passes[key] = self._prepared(route, precision)
        passes = self.passes[key]
        if passes is None:
            return None
        run, reference = passes
        return run([op.id for op in ops]) if ops else reference

    def _prepared(self, route: Skipped, precision: Precision) -> Passes | None:
        """The route ready for passes, None where it can't be run to the end."""
        if not all(region.endswith(BRANCHES) for region in route):
            return None
        model = _taking(showing_tails(self.model), self.calls, route)
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
        far = self.far(precision)
        double = switched(model, self.calls, self.graph, precision, far, self.int8)
        run = self._compiled(double.model)
        return lambda low: run([*self.batch, double.mask(low)])

    def _each_anew(self, model: ir.Model, precision: Precision) -> Pass:
        """Convert and compile for each group: half the memory, many times as long."""

        def run(low: Sequence[str]) -> list[Array] | None:
            placement = dict.fromkeys(low, precision)
            far = self.far(precision)
            made = rewrite(model, self.calls, self.graph, placement, far, self.int8)
            return self._compiled(made)(self.batch)

        return run

    def check_it_ends(self, converted: ir.Model) -> None:
        """Run the loops of a converted model, if it has any, on the batch.

        Raises:
            ModelError: One goes on and on where the fp32 model is done.
        """
        if ends_by_values(converted) and self._compiled(converted)(self.batch) is None:
            raise never_ends(self.longest)

    def _compiled(
        self, model: ir.Model
    ) -> Callable[[Sequence[Array]], list[Array] | None]:
        """Inputs → outputs, None if a loop does not end."""
        counted, most = 0, most_iterations(self.longest)
        if ends_by_values(model):
            model, counted = limited(model, most)
        session = self.executor.compile_part(model)

        def run(inputs: Sequence[Array]) -> list[Array] | None:
            found = [widened(each) for each in session(inputs)]
            counts = found[len(found) - counted :]
            if any(count.size >= most for count in counts):
                return None
            return found[: len(found) - counted]

        return run


def _taking(model: ir.Model, calls: Calls, route: Skipped) -> ir.Model:
    """The model, whose branches on the route are taken whatever the condition."""
    for site in name_all(model, calls).ops if route else ():
        for region in site.inside:
            if region.id in route:
                taken = np.array(region.id.endswith("/then_branch"))
                name = f"{region.id}.taken"
                value = register(model.graph, ir.Tensor(taken, name=name))
                site.node.replace_input_with(0, value)
    return model
