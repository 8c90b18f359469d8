"""Timing the prepared graph's ops and casts, each distinct one once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import fx

from ....common.timing import Clock, Latency, interleaved
from ....graph.graph import Precision
from ...measuring.timings import Pair, Shape, Way
from ..running.device import finished
from ..running.low import DTYPES, LowInterpreter, described, function

Key = TypeVar("Key", bound=Hashable)


@dataclass(eq=False, kw_only=True)
class Stopwatch(LowInterpreter):
    """Times the ops named by `keys`, and casts, as it runs the graph.

    Ops that share operator, attributes, shapes and strides are timed once.

    Attributes:
        seconds: What the timing of one distinct op or cast may take.
        pairs: Node name → latencies.
    """

    everywhere = True
    device: torch.device
    clock: Clock
    seconds: float
    pairs: dict[str, Pair] = field(default_factory=dict)
    known: dict[Hashable, Pair] = field(default_factory=dict)

    def time_casts(self, shape: Shape, ways: Sequence[Way]) -> dict[Way, Latency]:
        """Time the ways to cast a tensor of a shape, in turn."""
        return self._in_turn({way: _cast(shape, *way, self.device) for way in ways})

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n.name in self.keys:
            signature = self._signature(n)
            if signature not in self.known:
                self.known[signature] = self._time(n)
            self.pairs[n.name] = self.known[signature]
        return value

    def _signature(self, node: fx.Node) -> Hashable:
        """Operator and arguments, as they are `described`."""
        args, kwargs = self.fetch_args_kwargs_from_env(node)
        leaves = torch.utils._pytree.tree_leaves((args, kwargs))
        return (str(node.target), *map(described, leaves))

    def _time(self, node: fx.Node) -> Pair:
        target = function(node)
        args, kwargs = self.fetch_args_kwargs_from_env(node)
        low_args, low_kwargs = self.low_arguments(node)
        return self._in_turn(
            {
                Precision.FP32: lambda: target(*args, **kwargs),
                self.precision: lambda: target(*low_args, **low_kwargs),
            }
        )

    def _in_turn(self, calls: Mapping[Key, Callable[[], object]]) -> dict[Key, Latency]:
        named = {str(key): call for key, call in calls.items()}
        with torch.inference_mode():
            until_done = finished(named, self.device)
            found = interleaved(until_done, self.clock, self.seconds)
        return {key: found[str(key)] for key in calls}


def _cast(
    shape: Shape, source: Precision, target: Precision, device: torch.device
) -> Callable[[], object]:
    tensor = torch.ones(shape, dtype=DTYPES[source], device=device)
    dtype = DTYPES[target]
    return lambda: torch.ops.aten._to_copy.default(tensor, dtype=dtype)
