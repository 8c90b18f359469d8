"""Running one op of the graph in a precision that is not its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import fx

from ...graph import Precision
from ..protocol import Inputs, Probe
from . import nodes
from .interpreter import Interpreter, Route
from .prepared import is_constant
from .values import fitted, stored

DTYPES = {
    Precision.FP32: torch.float32,
    Precision.BF16: torch.bfloat16,
    Precision.FP16: torch.float16,
}
PRECISIONS = {dtype: precision for precision, dtype in DTYPES.items()}


def probe(
    module: fx.GraphModule, inputs: Inputs, precision: Precision, keys: Iterable[str]
) -> dict[str, Probe]:
    """Run each op named by `keys` in `precision` on the inputs that fp32 gives it."""
    keys = frozenset(keys)
    prober = _Prober(module, precision, keys)
    with torch.no_grad():
        prober.run(*inputs)
    reasons = [text.splitlines()[0] for text in prober.failed.values()]
    unreached = f"could not be run on the batch: {'; '.join(reasons)}"
    return {
        key: prober.probes.get(key, Probe(None, math.inf, unreached)) for key in keys
    }


def values_with_low(
    module: fx.GraphModule,
    inputs: Inputs,
    precision: Precision,
    keys: Iterable[str],
    wanted: Iterable[fx.Node],
    route: Route,
) -> list[torch.Tensor]:
    """What the `wanted` nodes hold when only the ops named by `keys` are low."""
    runner = _PartlyLow(module, precision, frozenset(keys), frozenset(wanted))
    runner.route = route
    with torch.no_grad():
        runner.run(*inputs)
    return [runner.values[node] for node in wanted]


class LowInterpreter(Interpreter):
    """Runs the fp32 graph, and single ops of it in a low precision beside."""

    def __init__(
        self, module: fx.GraphModule, precision: Precision, keys: frozenset[str]
    ) -> None:
        super().__init__(module)
        self.dtype = DTYPES[precision]
        self.keys = keys

    def run_low(self, node: fx.Node) -> Any:
        """The op's outputs as its kernel in the low precision makes them."""
        args, kwargs = self.low_arguments(node)
        return function(node)(*args, **kwargs)

    def low_arguments(self, node: fx.Node) -> tuple[Any, Any]:
        """The op's arguments, fp32 tensors in castable slots cast."""
        low = {n for n, follows in nodes.slots(node) if follows}
        args, kwargs = fitted(node, self.dtype)

        def load(n: fx.Node) -> Any:
            value = self.env[n]
            if n in low and value.dtype == torch.float32:
                cast = stored if is_constant(n) else torch.Tensor.to
                return cast(value, self.dtype)
            return value

        return fx.map_arg(args, load), fx.map_arg(kwargs, load)


def function(node: fx.Node) -> Callable[..., Any]:
    """What the node calls."""
    if not callable(node.target):
        raise TypeError(f"{node.name} can't be called")
    return node.target


class _PartlyLow(LowInterpreter):
    def __init__(
        self,
        module: fx.GraphModule,
        precision: Precision,
        keys: frozenset[str],
        wanted: frozenset[fx.Node],
    ) -> None:
        super().__init__(module, precision, keys)
        self.wanted = wanted
        self.values: dict[fx.Node, torch.Tensor] = {}

    def run_node(self, n: fx.Node) -> Any:
        if n.name in self.keys:
            value = torch.utils._pytree.tree_map(_widen, self.run_low(n))
        else:
            value = super().run_node(n)
        if n in self.wanted:
            self.values[n] = value
        return value


class _Prober(LowInterpreter):
    everywhere = True

    def __init__(
        self, module: fx.GraphModule, precision: Precision, keys: frozenset[str]
    ) -> None:
        super().__init__(module, precision, keys)
        self.probes: dict[str, Probe] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n.name in self.keys and n.name not in self.probes:
            self.probes[n.name] = self._probe(n, value)
        return value

    def _probe(self, node: fx.Node, value: Any) -> Probe:
        try:
            return compared(_tensors(value), _tensors(self.run_low(node)), self.dtype)
        except Exception as error:  # whatever a kernel raises means "no kernel"
            text = str(error).strip() or type(error).__name__
            return Probe(None, math.inf, text.splitlines()[0])


def compared(
    fp32: list[torch.Tensor], low: list[torch.Tensor], dtype: torch.dtype
) -> Probe:
    """What a kernel's outputs say about it, beside the outputs of fp32's."""
    made = {b.dtype for a, b in zip(fp32, low, strict=True) if a.dtype == torch.float32}
    others = [
        (a.dtype, b.dtype)
        for a, b in zip(fp32, low, strict=True)
        if a.dtype != torch.float32
    ]
    if made not in ({dtype}, {torch.float32}) or any(a != b for a, b in others):
        return Probe(None, float("inf"), f"the kernel returns {sorted(map(str, made))}")
    errors = [relative_error(a, b) for a, b in zip(fp32, low, strict=True)]
    return Probe(PRECISIONS[made.pop()], max(errors))


def relative_error(reference: torch.Tensor, value: torch.Tensor) -> float:
    """RMS of the difference over the reference's RMS.

    Infinite where the reference is finite and the value is not; 0 for integers.
    """
    if not reference.is_floating_point() or not reference.numel():
        return 0.0
    wide = reference.to(torch.promote_types(reference.dtype, torch.float32))
    error, scale = _norm(value.to(wide.dtype) - wide), _norm(wide)
    if not (math.isfinite(error) and math.isfinite(scale)):
        return _error_where_finite(reference.double(), value.double())
    return _ratio(error, scale)


def _norm(tensor: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(tensor))


def _ratio(error: float, scale: float) -> float:
    if not error:
        return 0.0
    return error / scale if scale else math.inf


def _error_where_finite(wide: torch.Tensor, narrow: torch.Tensor) -> float:
    """The same over the places where the reference is finite, without overflow."""
    finite = torch.isfinite(wide)
    if not bool(torch.isfinite(narrow[finite]).all()):
        return math.inf
    return _ratio(_norm((narrow - wide)[finite]), _norm(wide[finite]))


def _widen(value: Any) -> Any:
    low = (torch.bfloat16, torch.float16)
    if isinstance(value, torch.Tensor) and value.dtype in low:
        return value.float()
    return value


def _tensors(value: Any) -> list[torch.Tensor]:
    leaves = torch.utils._pytree.tree_leaves(value)
    return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
