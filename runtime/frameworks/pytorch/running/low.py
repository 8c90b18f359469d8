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
from ..ir.prepared import is_constant
from ..ir.slots import slots
from ..ir.values.extremes import extremes
from ..ir.values.weights import fitted, stored
from .finite import after, before, narrowed
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

    def __post_init__(self) -> None:
        super().__post_init__()
        self.extreme = extremes(self.module, self.dtype)

    def run_kernel(self, node: fx.Node) -> Any:
        """The op's outputs as its kernel in the low precision makes them."""
        args, kwargs = self.low_arguments(node)
        return function(node)(*args, **kwargs)

    def run_low(self, node: fx.Node) -> Any:
        """The op's outputs as the converted model makes them in the low precision."""
        args, kwargs = self.low_arguments(node)
        value = function(node)(*args, **kwargs)
        return after(node, args, value, self.dtype, self.extreme, _call)

    def low_arguments(self, node: fx.Node) -> tuple[Any, Any]:
        """The op's arguments, fp32 tensors in castable slots cast."""
        low = {n for n, follows in slots(node) if follows}
        plain, named = fitted(node, self.dtype)

        def load(n: fx.Node) -> Any:
            value = self.env[n]
            if n not in low or value.dtype != torch.float32:
                return value
            if is_constant(n):
                return stored(value, self.dtype)
            if n in self.extreme:
                return narrowed(value, self.dtype, _call)
            return value.to(self.dtype)

        args, kwargs = fx.map_arg(plain, load), fx.map_arg(named, load)
        return before(node, args, kwargs, self.dtype, self.extreme, _call), kwargs


def _call(operator: Any, *args: Any, **kwargs: Any) -> Any:
    return operator(*args, **kwargs)


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
