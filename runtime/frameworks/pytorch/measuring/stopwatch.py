"""Timing the prepared graph's ops and casts, each distinct one once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Set
from typing import Any

import torch
from torch import fx

from ....common.timing import Clock, Latency, interleaved
from ....graph.graph import Precision
from ...protocol import Inputs
from ..running.device import finished, of_batch
from ..running.low import DTYPES, LowInterpreter, function

Pair = Mapping[Precision, Latency]
"""fp32's and the low precision's latency, measured in turn."""


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
    device = of_batch(inputs)
    watch = _Stopwatch(module, precision, frozenset(keys), device, clock, seconds)
    with torch.inference_mode():
        watch.run(*inputs)
    return watch.pairs


def time_casts(
    shapes: Set[tuple[int, ...]],
    precision: Precision,
    device: torch.device,
    clock: Clock,
    seconds: float,
) -> dict[tuple[int, ...], tuple[Latency, Latency]]:
    """Time the casts of fp32 tensors down to `precision` and back up; shape → both."""
    found = {}
    for shape in sorted(shapes):
        wide = torch.ones(shape, device=device)
        narrow = wide.to(DTYPES[precision])
        with torch.inference_mode():
            calls = {
                "down": _cast(wide, DTYPES[precision]),
                "up": _cast(narrow, torch.float32),
            }
            both = interleaved(finished(calls, device), clock, seconds)
        found[shape] = both["down"], both["up"]
    return found


def _cast(tensor: torch.Tensor, dtype: torch.dtype) -> Callable[[], object]:
    return lambda: torch.ops.aten._to_copy.default(tensor, dtype=dtype)


class _Stopwatch(LowInterpreter):
    everywhere = True

    def __init__(
        self,
        module: fx.GraphModule,
        precision: Precision,
        keys: frozenset[str],
        device: torch.device,
        clock: Clock,
        seconds: float,
    ) -> None:
        super().__init__(module, precision, keys)
        self.device, self.precision = device, precision
        self.clock, self.seconds = clock, seconds
        self.known: dict[Hashable, Pair] = {}
        self.pairs: dict[str, Pair] = {}

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
