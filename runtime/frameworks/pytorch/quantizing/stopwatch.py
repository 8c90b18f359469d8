"""Timing int8 kernels beside fp32's, each distinct one once."""

from __future__ import annotations

from collections.abc import Hashable, Set
from dataclasses import dataclass, field

import torch
from torch import fx

from ....common.timing import Clock, Latency, interleaved
from ....graph.graph import Precision
from ..running.low import described
from .probing import Quantizing

FP32, INT8 = Precision.FP32, Precision.INT8


@dataclass(eq=False)
class Int8Stopwatch(Quantizing):
    """Times ops as it runs the graph.

    What an op takes is integers already, as the compiler hands them from one int8
    kernel to the next.

    Attributes:
        wanted: Ids of the ops.
        seconds: What the timing of one distinct op may take.
        found: (op id, precision) → latency.
    """

    wanted: Set[str] = field(kw_only=True)
    clock: Clock = field(kw_only=True)
    seconds: float = field(kw_only=True)
    found: dict[tuple[str, Precision], Latency] = field(
        default_factory=dict, kw_only=True
    )
    known: dict[Hashable, dict[str, Latency]] = field(
        default_factory=dict, kw_only=True
    )

    def see(self, name: str, node: fx.Node, value: torch.Tensor) -> None:
        if name not in self.wanted:
            return
        args, kwargs = self.fetch_args_kwargs_from_env(node)
        leaves = torch.utils._pytree.tree_leaves((args, kwargs))
        signature = (str(node.target), *map(described, leaves))
        if signature not in self.known:
            both = self.both(name, node)
            calls = {str(FP32): both.fp32, str(INT8): both.int8}
            self.known[signature] = interleaved(calls, self.clock, self.seconds)
        for precision in (FP32, INT8):
            self.found[name, precision] = self.known[signature][str(precision)]
