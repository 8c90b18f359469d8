"""Running a program node by node, in its branches and loops too."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import torch
from torch import fx
from torch._ops import HigherOrderOperator

from ....common.errors import first_line
from ...loops import Route
from ...protocol import Inputs
from ..ir import nodes

TRIPS = 100
"""Iterations of a loop that are seen where only the first is of interest."""


@dataclass(eq=False)
class Interpreter(fx.Interpreter):
    """Goes into bodies, which a plain interpreter runs as one op, and leaves state alone.

    One object stands for one graph; those for bodies share what a subclass collects.

    Attributes:
        everywhere: Whether bodies that the batch skips are run too, on the operands
            that they would have been given; what they make is left.
        trips: Body → how often it ran.
        failed: Body → why it could not be run on operands that were not meant for it.
    """

    everywhere: ClassVar[bool] = False

    module: fx.GraphModule
    route: Route[fx.GraphModule] = field(default_factory=Route)
    trips: dict[fx.GraphModule, int] = field(default_factory=dict, kw_only=True)
    failed: dict[fx.GraphModule, str] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        super().__init__(self.module)

    def run_node(self, n: fx.Node) -> Any:
        """The node's value; of a write to a buffer, what the buffer would hold."""
        if not nodes.writes_state(n):
            return super().run_node(n)
        buffer, value = map(self.env.__getitem__, n.all_input_nodes)
        return torch.empty_like(buffer).copy_(value)

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        bodies = [a for a in args if isinstance(a, fx.GraphModule)]
        if not isinstance(target, HigherOrderOperator) or not bodies:
            return super().call_function(target, args, kwargs)
        before = dict(self.trips)
        calls = [partial(self.run_body, a) if a in bodies else a for a in args]
        if target is torch.ops.higher_order.cond:
            calls[0] = self._predicate(args[0], *bodies)
        if target is torch.ops.higher_order.while_loop:
            calls[0] = self._condition(*bodies)
        with torch.inference_mode():
            value = target(*calls, **kwargs)
        if self.everywhere:
            for body in bodies:
                if self.trips.get(body) == before.get(body):
                    self._run_beside(body, args[args.index(bodies[-1]) + 1 :])
        return value

    def run_body(self, body: fx.GraphModule, *operands: Any) -> Any:
        """Run a body as this interpreter runs its graph."""
        self.trips[body] = self.trips.get(body, 0) + 1
        inner = copy.copy(self)
        fx.Interpreter.__init__(inner, body)
        return inner.run(*operands)

    def _forces(self, body: fx.GraphModule) -> bool:
        return body in self.route.forced and body not in self.trips

    def _predicate(
        self, predicate: Any, true: fx.GraphModule, false: fx.GraphModule
    ) -> Any:
        if self._forces(true) or self._forces(false):
            return torch.tensor(self._forces(true))
        return predicate

    def _condition(
        self, condition: fx.GraphModule, body: fx.GraphModule
    ) -> Callable[..., Any]:
        once, count = self._forces(body), 0

        def goes_on(*operands: Any) -> Any:
            nonlocal count
            count += 1
            if once:
                return torch.tensor(count == 1)
            self.route.check(count)
            return self.run_body(condition, *operands)

        return goes_on

    def _run_beside(self, body: fx.GraphModule, taken: Any) -> None:
        aside = copy.copy(self)
        aside.route = Route(self.route.forced, TRIPS)
        try:
            aside.run_body(body, *torch.utils._pytree.tree_leaves(taken))
        except Exception as error:  # its operands are another body's
            self.failed[body] = first_line(error)


See = Callable[[fx.Node, Any], None]
"""Told each node and its value, as often as it is made."""


def observe(
    module: fx.GraphModule, inputs: Inputs, see: See, *, everywhere: bool = False
) -> Any:
    """Run a graph and show all that its nodes make, those of bodies too; its outputs.

    Args:
        everywhere: Bodies that the batch skips, too.
    """
    observer = _Everywhere(module) if everywhere else _Observer(module)
    observer.see = see
    with torch.no_grad():
        return observer.run(*inputs)


class _Observer(Interpreter):
    see: See

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        self.see(n, value)
        return value


class _Everywhere(_Observer):
    everywhere = True


def trips(
    module: fx.GraphModule, inputs: Inputs, route: Route[fx.GraphModule]
) -> dict[fx.GraphModule, int]:
    """Body → how often it runs on the inputs; none for those that they skip.

    Raises:
        EndlessLoop: A loop makes more iterations than the route allows.
    """
    runner = Interpreter(module, route)
    with torch.no_grad():
        runner.run(*inputs)
    return runner.trips
