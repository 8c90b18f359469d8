"""Which ops compute in int8: each was run by its kernel, on real inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import fx

from ....common.errors import first_line
from ...protocol import Inputs, Probe
from ..ir import nodes
from ..ir.values.quantized import computes_in_int8
from ..measuring.probes import compared
from ..running.interpreter import Interpreter
from ..running.low import function
from ..writing.int8.nodes import EPS, in_int8
from ..writing.int8.quantized import ENDS, TAKEN, Quantized
from .kernels import kernel

decomposed = torch.ops.quantized_decomposed

UNMATCHED = "inductor has no int8 kernel for the form that it has"


@dataclass(frozen=True)
class Both:
    """One op in fp32 and in int8.

    Attributes:
        fp32: Computes it.
        int8: Computes it from integers, that are there already.
    """

    fp32: Callable[[], torch.Tensor]
    int8: Callable[[], torch.Tensor]


@dataclass(eq=False)
class Quantizing(Interpreter):
    """Runs the fp32 graph, and ops of it in int8 beside.

    Attributes:
        dtype: What the kernels leave their floats in.
    """

    int8: Quantized = field(kw_only=True)
    dtype: torch.dtype = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.names = {op.node: name for name, op in self.int8.ops.items()}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n.name in self.names:
            self.see(self.names[n.name], n, value)
        return value

    def see(self, name: str, node: fx.Node, value: torch.Tensor) -> None:
        """Told each op that can be in int8, with what fp32 made."""

    def both(self, name: str, node: fx.Node) -> Both:
        """The op's two kernels on the inputs that fp32 gives it."""
        args, kwargs = self.fetch_args_kwargs_from_env(node)
        target = function(node)
        data, weight = nodes.operands(node)
        assert isinstance(node.graph.owning_module, fx.GraphModule)
        known = self.int8.weight(name, node.graph.owning_module, weight)
        bias = dict(nodes.arguments(node)).get("bias")
        held = self.env[bias] if isinstance(bias, fx.Node) else None
        run = kernel(node, known, held, self.dtype)
        taken = self._integers(name, self.env[data])
        return Both(lambda: target(*args, **kwargs), lambda: run(*taken))

    def _integers(
        self, name: str, value: torch.Tensor
    ) -> tuple[torch.Tensor, Any, Any]:
        """What the op takes as integers, with scale and zero point."""
        ends = (*ENDS[TAKEN], TAKEN)
        scale = self.int8.scale(self.int8.ops[name].tensor)
        if scale is None:
            made, zero = decomposed.choose_qparams.tensor(
                value, *ENDS[TAKEN], EPS, TAKEN
            )
            quantize = decomposed.quantize_per_tensor.tensor
            return quantize(value, made, zero, *ends), made, zero
        how = (scale.scale, scale.zero_point)
        quantize = decomposed.quantize_per_tensor.default
        return quantize(value, *how, *ends), *how


def probed(
    module: fx.GraphModule, inputs: Inputs, int8: Quantized, dtype: torch.dtype
) -> Quantized:
    """The same with what became of each op; those that fail are refused.

    Args:
        module: The prepared fp32 graph.
    """
    prober = _Prober(module, int8=int8, dtype=dtype)
    with torch.no_grad():
        prober.run(*inputs)
    written, _owners = in_int8(module, int8, int8.ops.keys())
    matched = {node.name for node in written.graph.nodes if computes_in_int8(node)}
    probes = {
        name: prober.probes[name] if op.node in matched else _none(UNMATCHED)
        for name, op in int8.ops.items()
    }
    failed = {name: each.message for name, each in probes.items() if not each.output}
    return replace(
        int8,
        ops={name: op for name, op in int8.ops.items() if name not in failed},
        probes=probes,
        refusals={**int8.refusals, **failed},
    )


@dataclass(eq=False)
class _Prober(Quantizing):
    probes: dict[str, Probe] = field(default_factory=dict, kw_only=True)

    def see(self, name: str, node: fx.Node, value: torch.Tensor) -> None:
        try:
            low = self.both(name, node).int8()
            self.probes[name] = compared([value], [low], self.dtype)
        except Exception as error:  # whatever a kernel raises means "no kernel"
            self.probes[name] = _none(first_line(error))


def _none(why: str) -> Probe:
    return Probe(None, math.inf, why)
