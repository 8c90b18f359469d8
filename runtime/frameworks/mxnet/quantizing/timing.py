"""Timing ops in int8: two networks in turn, all fp32 and all int8."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from operator import mul
from statistics import median
from typing import Any

from ....common.timing import Clock, Latency
from ....graph.graph import Graph, Placement, Precision
from ...protocol import Timings
from ..ir.network import Network
from ..running.monitored import Monitored, anchor, timed
from .candidates import Candidate

FEWEST, MOST = 5, 31
BF16, FP32, INT8 = Precision.BF16, Precision.FP32, Precision.INT8
SUFFIX = "_int8"


@dataclass(frozen=True)
class Int8Stopwatch:
    """One model on one batch.

    An op in int8 costs what its node takes, and dequantizing what it made where somebody
    wants floats. A cast is what quantizing takes, by the number of elements; from 16
    bits it is two.

    Attributes:
        apply: Placement → the converted network.
        lowable: Ids of the ops that are timed.
        known: Op id → what it takes as integers.
    """

    graph: Graph
    batch: Sequence[Any]
    apply: Callable[[Placement], Network]
    lowable: Set[str]
    known: Mapping[str, Candidate]

    def time(self, clock: Clock, seconds: float) -> Timings:
        """Latencies of ops in fp32 and int8, and of what makes integers.

        Args:
            seconds: What the timing of one distinct op may take.
        """
        fp32 = dict.fromkeys(self.graph.by_id, FP32)
        low = {**fp32, **{op: INT8 for op in self.lowable if op in self.known}}
        made = {FP32.dtype: self.apply(fp32), INT8.dtype: self.apply(low)}
        watched = {name: Monitored(each, self.batch) for name, each in made.items()}
        start = clock()
        for network in watched.values():
            network.run(clock)
        once = max(clock() - start, 1e-9)
        rounds = int(min(max(seconds * len(self.lowable) / once, FEWEST), MOST))
        found = timed(watched, clock, rounds)
        wide, narrow = found[FP32.dtype], found[INT8.dtype]
        plain = {
            anchor(made[FP32.dtype], members): wide[running]
            for running, members in watched[FP32.dtype].members.items()
            if running in wide
        }
        nothing = Latency(0.0, 0.0, 0.0, rounds)
        ops = {}
        for op in self.lowable:
            ops[op, FP32] = plain.get(op, nothing)
            ops[op, INT8] = self._of_int8(op, narrow, nothing)
        return Timings(ops, self._casts(made[INT8.dtype], narrow))

    def _of_int8(
        self, op: str, found: Mapping[str, Latency], nothing: Latency
    ) -> Latency:
        """Its kernel's; what writes floats itself has the name of what it made."""
        own = found.get(f"{op}{SUFFIX}")
        made = [found[name] for name in self.known[op].made if name in found]
        back = made[-1] if made else nothing
        if own is None:
            return back
        return Latency(
            own.median + back.median, own.low + back.low, own.high + back.high, own.runs
        )

    def _casts(
        self, network: Network, found: Mapping[str, Latency]
    ) -> dict[tuple[tuple[int, ...], Precision, Precision], Latency]:
        """Every size that an op takes, from what some of them took by element."""
        rates = []
        for node in network.nodes:
            if node.op == "_contrib_quantize_v2" and node.name in found:
                tensor = self.graph.tensors.get(node.name.removesuffix(SUFFIX))
                if tensor is not None and tensor.elements:
                    rates.append(found[node.name].median / tensor.elements)
        rate = median(rates) if rates else 0.0
        unit = Latency(rate, rate, rate, 0)
        casts = {}
        for op in self.known.values():
            tensor = self.graph.tensors[op.taken]
            each = unit.changed(partial(mul, tensor.elements))
            casts[tensor.shape, FP32, INT8] = each
            casts[tensor.shape, BF16, INT8] = each.changed(partial(mul, 2))
        return casts
