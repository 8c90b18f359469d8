"""Timing the prepared graph's ops and casts, each distinct one once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx

from ....common.timing import Clock, Latency, interleaved
from ....graph.graph import Precision
from ...measuring.timings import Pair, Shape, Way
from ...protocol import Inputs
from ..running.device import finished, of_batch
from ..running.low import DTYPES, LowInterpreter, function


def time_ops(
    module: fx.GraphModule,
    inputs: Inputs,
    precision: Precision,
    keys: Set[str],
    clock: Clock,
    seconds: float,
) -> dict[str, Pair]:
    """Time the ops named by `keys` in fp32 and in `precision`, on real inputs.

    Ops that share operator, attributes, shapes and strides are timed once.

    Args:
        seconds: What the timing of one distinct op may take.

    Returns:
        Node name → latencies.
    """
    watch = _Stopwatch(
        module,
        precision=precision,
        keys=frozenset(keys),
        device=of_batch(inputs),
        clock=clock,
        seconds=seconds,
    )
    with torch.inference_mode():
        watch.run(*inputs)
    return watch.pairs


def time_casts(
    shape: Shape,
    ways: Sequence[Way],
    device: torch.device,
    clock: Clock,
    seconds: float,
) -> dict[Way, Latency]:
    """Time the ways to cast a tensor of a shape, in turn."""
    calls = {str(way): _cast(shape, *way, device) for way in ways}
    with torch.inference_mode():
        found = interleaved(finished(calls, device), clock, seconds)
    return {way: found[str(way)] for way in ways}


def _cast(
    shape: Shape, source: Precision, target: Precision, device: torch.device
) -> Callable[[], object]:
    tensor = torch.ones(shape, dtype=DTYPES[source], device=device)
    dtype = DTYPES[target]
    return lambda: torch.ops.aten._to_copy.default(tensor, dtype=dtype)


@dataclass(eq=False, kw_only=True)
class _Stopwatch(LowInterpreter):
    everywhere = True
    device: torch.device
    clock: Clock
    seconds: float
    pairs: dict[str, Pair] = field(default_factory=dict)
    known: dict[Hashable, Pair] = field(default_factory=dict)

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n.name in self.keys:
            signature = self._signature(n)
            if signature not in self.known:
                self.known[signature] = self._time(n)
            self.pairs[n.name] = self.known[signature]
        return value

    def _signature(self, node: fx.Node) -> Hashable:
        """Operator and arguments, tensors by dtype, shape and strides."""

        def described(value: Any) -> str:
            if isinstance(value, torch.Tensor):
                return f"{value.dtype}{tuple(value.shape)}{value.stride()}"
            return repr(value)

        args, kwargs = self.fetch_args_kwargs_from_env(node)
        leaves = torch.utils._pytree.tree_leaves((args, kwargs))
        return (str(node.target), *map(described, leaves))

    def _time(self, node: fx.Node) -> Pair:
        target = function(node)
        args, kwargs = self.fetch_args_kwargs_from_env(node)
        low_args, low_kwargs = self.low_arguments(node)
        calls = {
            "fp32": lambda: target(*args, **kwargs),
            "low": lambda: target(*low_args, **low_kwargs),
        }
        both = interleaved(finished(calls, self.device), self.clock, self.seconds)
        return {Precision.FP32: both["fp32"], self.precision: both["low"]}
