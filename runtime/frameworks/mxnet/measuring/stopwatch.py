"""Timing a network's ops and casts on the calibration batch, where they run.

Four networks run in turn: one in fp32, one with all ops low, and two in which low and
fp32 take turns, so that all there is between them is cast. A cast costs what it takes
itself, and what the op behind it takes longer: casts leave oneDNN's layouts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property, partial
from math import prod
from operator import add
from statistics import median
from typing import Any

from ....common.timing import Clock, Latency
from ....graph.graph import Graph, Placement, Precision
from ...protocol import Timings
from ..ir.network import Network
from ..running.monitored import Monitored, anchor, timed

FEWEST, MOST = 5, 31
FP32 = Precision.FP32

Cast = tuple[tuple[int, ...], Precision, Precision]


@dataclass(frozen=True)
class Stopwatch:
    """One model on one batch.

    Attributes:
        apply: Placement → the converted network.
        lowable: Ids of the ops that have a kernel for `precision`.
    """

    graph: Graph
    prepared: Network
    batch: Sequence[Any]
    apply: Callable[[Placement], Network]
    precision: Precision
    lowable: Set[str]

    def time(self, clock: Clock, seconds: float) -> Timings:
        """Latencies of ops in both precisions, and of casts between them.

        Args:
            seconds: What the timing of one distinct op may take.
        """
        made = {name: self.apply(each) for name, each in self._placements.items()}
        networks = {name: Monitored(each, self.batch) for name, each in made.items()}
        start = clock()
        for network in networks.values():
            network.run(clock)
        once = max(clock() - start, 1e-9)
        rounds = int(min(max(seconds * len(self._groups) / once, FEWEST), MOST))
        found = timed(networks, clock, rounds)
        ops = {
            name: self._of_ops(made[name], networks[name], found[name]) for name in made
        }
        whole = {FP32: ops["fp32"], self.precision: ops["low"]}
        nothing = Latency(0.0, 0.0, 0.0, rounds)
        latencies = {
            (op, precision): whole[precision].get(op, nothing)
            for op in self.lowable
            for precision in whole
        }
        casts: dict[Cast, list[Latency]] = {}
        for name in ("even", "odd", "low"):
            extra = self._extra(name, ops[name], whole)
            for cast, reader, each in self._of_casts(made[name], found[name]):
                more = extra.get(reader, 0.0)
                longer = each.changed(partial(add, more))
                casts.setdefault(cast, []).append(longer)
        return Timings(
            latencies, self._complete({c: _middle(each) for c, each in casts.items()})
        )

    def _complete(self, casts: dict[Cast, Latency]) -> dict[Cast, Latency]:
        """With those that no network made, between ops that run as one: by size."""
        rates = [
            each.median / prod(shape)
            for (shape, _source, _target), each in casts.items()
            if prod(shape)
        ]
        rate = median(rates) if rates else 0.0
        found = dict(casts)
        for tensor in self.graph.tensors.values():
            if not tensor.floating or tensor.constant or not rates:
                continue
            for source, target in ((FP32, self.precision), (self.precision, FP32)):
                estimate = rate * tensor.elements
                found.setdefault(
                    (tensor.shape, source, target),
                    Latency(estimate, estimate, estimate, 0),
                )
        return found

    @cached_property
    def _placements(self) -> dict[str, dict[str, Precision]]:
        fp32 = dict.fromkeys(self.graph.by_id, FP32)
        low = {**fp32, **dict.fromkeys(self.lowable, self.precision)}
        even, odd = dict(fp32), dict(fp32)
        for k, members in enumerate(self._groups):
            for name in members:
                (even if k % 2 else odd)[name] = low[name]
        return {"fp32": fp32, "low": low, "even": even, "odd": odd}

    @cached_property
    def _groups(self) -> list[list[str]]:
        """Ids of the ops, together where they run as one; in the order they run."""
        watched = Monitored(self.prepared, self.batch)
        ids = self.graph.by_id
        groups = ([n for n in each if n in ids] for each in watched.members.values())
        return [each for each in groups if each]

    def _of_ops(
        self, network: Network, watched: Monitored, found: Mapping[str, Latency]
    ) -> dict[str, Latency]:
        """Op id → latency; of several that run as one, one has it all."""
        latencies: dict[str, Latency] = {}
        for running, each in found.items():
            members = watched.members[running]
            owner = self._id(network, anchor(network, members))
            if owner is not None:
                latencies[owner] = each
        return latencies

    def _id(self, network: Network, name: str) -> str | None:
        """The op that a node of a converted network is, None for a cast."""
        node = network.by_name[name]
        for each in (name, name.removesuffix(f"_{self.precision.dtype}")):
            op = self.graph.by_id.get(each)
            if op is not None and op.type == node.op:
                return each
        return None

    def _extra(
        self,
        name: str,
        mixed: Mapping[str, Latency],
        whole: Mapping[Precision, Mapping[str, Latency]],
    ) -> dict[str, float]:
        """Op id → seconds that it takes longer than among ops of its own precision."""
        placement = self._placements[name]
        found = {}
        for op, each in mixed.items():
            usual = whole[placement[op]].get(op)
            if usual is not None:
                found[op] = max(each.median - usual.median, 0.0)
        return found

    def _of_casts(
        self, network: Network, found: Mapping[str, Latency]
    ) -> list[tuple[Cast, str, Latency]]:
        """Each cast, the op that reads it first, and its own latency."""
        low, casts = self.precision, []
        for index, node in enumerate(network.nodes):
            if node.variable or self._id(network, node.name) is not None:
                continue
            if node.name not in found or len(node.inputs) != 1:
                continue
            tensor = self._tensor(network, node.inputs[0])
            up = node.attrs.get("dtype") == FP32.dtype
            shape = self.graph.tensors[tensor].shape
            readers = network.readers.get(index, ())
            reader = (
                self._id(network, network.nodes[readers[0]].name) if readers else ""
            )
            cast = (shape, low, FP32) if up else (shape, FP32, low)
            casts.append((cast, reader or "", found[node.name]))
        return casts

    def _tensor(self, network: Network, entry: tuple[int, int]) -> str:
        node = network.nodes[entry[0]]
        name = self._id(network, node.name) or node.name
        return f"{name}#{entry[1]}" if node.outputs > 1 else name


def _middle(found: Sequence[Latency]) -> Latency:
    return Latency(
        median(each.median for each in found),
        median(each.low for each in found),
        median(each.high for each in found),
        found[0].runs,
    )
