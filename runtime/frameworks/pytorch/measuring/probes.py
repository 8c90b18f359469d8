"""Which ops have a kernel in a low precision: each was run, on real inputs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx

from ....common.errors import first_line
from ....graph.graph import Precision
from ...protocol import Inputs, Probe
from ..ir.prepared import is_constant
from ..ir.values.weights import value_arguments
from ..running.low import PRECISIONS, LowInterpreter, function


def probe(
    module: fx.GraphModule, inputs: Inputs, precision: Precision, keys: Iterable[str]
) -> dict[str, Probe]:
    """Run each op named by `keys` in `precision` on the inputs that fp32 gives it."""
    keys = frozenset(keys)
    prober = _Prober(module, precision=precision, keys=keys)
    with torch.no_grad():
        prober.run(*inputs)
    unreached = f"could not be run on the batch: {'; '.join(prober.failed.values())}"
    return {
        key: prober.probes.get(key, Probe(None, math.inf, unreached)) for key in keys
    }


@dataclass(eq=False)
class _Prober(LowInterpreter):
    everywhere = True
    probes: dict[str, Probe] = field(default_factory=dict, kw_only=True)

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n.name in self.keys and n.name not in self.probes:
            self.probes[n.name] = self._probe(n, value)
        return value

    def _probe(self, node: fx.Node, value: Any) -> Probe:
        try:
            low = _tensors(self.run_low(node))
            if _divides(node) and not self._holds_at_zero(node):
                return Probe(None, math.inf, "it divides rows of zeros by zero")
            return compared(_tensors(value), low, self.dtype)
        except Exception as error:  # whatever a kernel raises means "no kernel"
            return Probe(None, math.inf, first_line(error))

    def _holds_at_zero(self, node: fx.Node) -> bool:
        """Whether the kernel is finite on zeros, in both precisions or in none."""
        kept = {n: self.env[n] for n in node.all_input_nodes}
        self.env |= {n: _emptied(n, value) for n, value in kept.items()}
        try:
            args, kwargs = self.fetch_args_kwargs_from_env(node)
            made = (function(node)(*args, **kwargs), self.run_low(node))
        finally:
            self.env |= kept
        fp32, low = ([bool(t.isfinite().all()) for t in _tensors(m)] for m in made)
        return fp32 == low


def _divides(node: fx.Node) -> bool:
    """Whether a small number in the op keeps a divisor from zero."""
    return any(name == "eps" for name in value_arguments(node.target))


def _emptied(node: fx.Node, value: Any) -> Any:
    activation = isinstance(value, torch.Tensor) and not is_constant(node)
    return torch.zeros_like(value) if activation else value


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


def _tensors(value: Any) -> list[torch.Tensor]:
    leaves = torch.utils._pytree.tree_leaves(value)
    return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
