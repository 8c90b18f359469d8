"""Running a program node by node, in its branches and loops too."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any, ClassVar

import torch
from torch import fx
from torch._ops import HigherOrderOperator

from . import nodes


class Interpreter(fx.Interpreter):
    """Goes into bodies, which a plain interpreter runs as one op, and leaves state alone.

    One object stands for one graph; those for bodies share what a subclass collects.

    Attributes:
        everywhere: Whether bodies that the batch skips are run too, once, on the
            operands that they would have been given; what they make is left.
        trips: Body → how often it ran.
        failed: Body → why it could not be run on operands that were not meant for it.
    """

    everywhere: ClassVar[bool] = False

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.trips: dict[fx.GraphModule, int] = {}
        self.failed: dict[fx.GraphModule, str] = {}

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

    def _run_beside(self, body: fx.GraphModule, taken: Any) -> None:
        try:
            self.run_body(body, *torch.utils._pytree.tree_leaves(taken))
        except Exception as error:  # its operands are another body's
            self.failed[body] = str(error) or type(error).__name__
