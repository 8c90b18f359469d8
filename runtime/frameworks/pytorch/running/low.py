"""Running one op of the graph in a precision that is not its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Set
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx

from ....graph.graph import Precision
from ...loops import Route
from ...protocol import Inputs
from ..ir.slots import slots
from ..ir.weights import fitted, stored
from .interpreter import Interpreter

DTYPES = {
    Precision.FP32: torch.float32,
    Precision.BF16: torch.bfloat16,
    Precision.FP16: torch.float16,
}
PRECISIONS = {dtype: precision for precision, dtype in DTYPES.items()}


def values_with_low(
    module: fx.GraphModule,
    inputs: Inputs,
    precision: Precision,
    keys: Iterable[str],
    wanted: Collection[fx.Node],
    route: Route[fx.GraphModule],
) -> list[torch.Tensor]:
    """What the `wanted` nodes hold when only the ops named by `keys` are low."""
    runner = _PartlyLow(
        module,
        route,
        precision=precision,
        keys=frozenset(keys),
        wanted=frozenset(wanted),
    )
    with torch.no_grad():
        runner.run(*inputs)
    return [runner.values[node] for node in wanted]


@dataclass(eq=False)
class LowInterpreter(Interpreter):
    """Runs the fp32 graph, and single ops of it in a low precision beside."""

    precision: Precision = field(kw_only=True)
    keys: Set[str] = field(kw_only=True)

    @property
    def dtype(self) -> torch.dtype:
        """The low precision's."""
        return DTYPES[self.precision]

    def run_low(self, node: fx.Node) -> Any:
        """The op's outputs as its kernel in the low precision makes them."""
        args, kwargs = self.low_arguments(node)
        return function(node)(*args, **kwargs)

    def low_arguments(self, node: fx.Node) -> tuple[Any, Any]:
        """The op's arguments, fp32 tensors in castable slots cast.

        Within the format's range: what made them low would have kept them there.
        """
        low = {n for n, follows in slots(node) if follows}
        args, kwargs = fitted(node, self.dtype)

        def load(n: fx.Node) -> Any:
            value = self.env[n]
            if n in low and value.dtype == torch.float32:
                return stored(value, self.dtype)
            return value

        return fx.map_arg(args, load), fx.map_arg(kwargs, load)


def described(value: Any) -> str:
    """What an op's time depends on: a tensor's dtype, shape and strides."""
    if isinstance(value, torch.Tensor):
        return f"{value.dtype}{tuple(value.shape)}{value.stride()}"
    return repr(value)


def function(node: fx.Node) -> Callable[..., Any]:
    """What the node calls."""
    if not callable(node.target):
        raise TypeError(f"{node.name} can't be called")
    return node.target


@dataclass(eq=False)
class _PartlyLow(LowInterpreter):
    wanted: frozenset[fx.Node] = field(kw_only=True)
    values: dict[fx.Node, torch.Tensor] = field(default_factory=dict, kw_only=True)

    def run_node(self, n: fx.Node) -> Any:
        if n.name in self.keys:
            value = torch.utils._pytree.tree_map(_widen, self.run_low(n))
        else:
            value = super().run_node(n)
        if n in self.wanted:
            self.values[n] = value
        return value


def _widen(value: Any) -> Any:
    low = (torch.bfloat16, torch.float16)
    if isinstance(value, torch.Tensor) and value.dtype in low:
        return value.float()
    return value
