"""Timing ops and casts as executors run them: with what oneDNN fuses into one.

A convolution with the ReLU and the addition behind it is one kernel. So it is timed as
one, the whole latency goes to the op that contracts, and the rest costs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

from ...graph import Precision
from ...timing import Clock, Latency, interleaved
from .arrays import cast, cast_operator
from .library import mx
from .network import VARIABLE, Entry, Network, Node, from_json, symbol
from .operators import COMPUTE
from .running import Runner, same_attributes
from .switches import backend

Pair = Mapping[Precision, Latency]
"""fp32's and the low precision's latency, measured in turn."""


@dataclass(frozen=True)
class Group:
    """Ops that one kernel runs.

    Attributes:
        members: Their indices, in order.
        anchor: The one that takes all the time.
    """

    members: tuple[int, ...]
    anchor: int


def groups(network: Network) -> list[Group]:
    """Every op, alone or with those that MXNet fuses with it."""
    names: dict[str, int] = {}
    for index, node in enumerate(network.nodes):
        if not node.variable:
            names[node.name] = index
    found, taken = [], set[int]()
    for each in _partitioned(network):
        members = tuple(sorted(names[name] for name in each if name in names))
        anchors = [k for k in members if network.nodes[k].op in COMPUTE]
        if len(members) > 1 and len(anchors) == 1 and taken.isdisjoint(members):
            found.append(Group(members, anchors[0]))
            taken.update(members)
    alone = (index for index in names.values() if index not in taken)
    return [*found, *(Group((index,), index) for index in alone)]


def _partitioned(network: Network) -> list[list[str]]:
    """Names of the ops in each subgraph that the executors' backend makes."""
    name = backend()
    if name in ("", "NONE"):
        return []
    made = symbol(network).get_backend_symbol(name)
    return [
        [each.name for body in node.bodies for each in _body(body) if not each.variable]
        for node in from_json(made.tojson(remove_amp_cast=False)).nodes
        if node.op.startswith("_sg_")
    ]


def _body(data: Any) -> tuple[Node, ...]:
    return from_json(json.dumps(data)).nodes


def time_ops(
    runner: Runner,
    precision: Precision,
    keys: Set[int],
    clock: Clock,
    seconds: float,
) -> dict[int, Pair]:
    """Time the ops in `keys` in fp32 and in `precision`, on real inputs.

    Ops that share operators, attributes, shapes and dtypes are timed once.

    Args:
        seconds: What the timing of one distinct group may take.

    Returns:
        Node → latencies.
    """
    found: dict[int, Pair] = {}
    known: dict[str, Pair] = {}
    last = {g.members[-1]: g for g in groups(runner.network) if g.anchor in keys}
    wanted = {k for group in last.values() for k in group.members}
    external: dict[int, dict[Entry, Any]] = {}
    owner = {k: group for group in last.values() for k in group.members}
    for step in runner.steps():
        if step.index not in wanted:
            continue
        group = owner[step.index]
        held = external.setdefault(group.anchor, {})
        for entry, value in zip(step.node.inputs, step.inputs, strict=True):
            if entry[0] not in group.members:
                held[entry] = value
        if step.index != group.members[-1]:
            continue
        alone = _Alone(runner, group, external.pop(group.anchor))
        signature = alone.signature
        if signature not in known:
            known[signature] = alone.time(precision, clock, seconds)
        found.update(_shared(group, keys, known[signature]))
    return found


def _shared(group: Group, keys: Set[int], pair: Pair) -> dict[int, Pair]:
    """What contracts takes all of the time, what is fused with it none."""
    nothing = {p: Latency(0.0, 0.0, 0.0, each.runs) for p, each in pair.items()}
    return {
        k: pair if k == group.anchor else nothing for k in group.members if k in keys
    }


class _Alone:
    """A group as a network of its own, on the values that it took."""

    def __init__(
        self, runner: Runner, group: Group, taken: Mapping[Entry, Any]
    ) -> None:
        self.runner, self.group, self.taken = runner, group, taken

    @property
    def signature(self) -> str:
        """Operators, attributes and edges; what is taken by dtype and shape."""
        nodes = self.runner.network.nodes
        places = {k: place for place, k in enumerate(self.group.members)}
        rows = []
        for k in self.group.members:
            forms = [
                f"{places[entry[0]]}"
                if entry[0] in places
                else f"{self.taken[entry].dtype}{self.taken[entry].shape}"
                for entry in nodes[k].inputs
            ]
            rows.append(f"{same_attributes(nodes[k])}{forms}")
        return "\n".join(rows)

    def time(self, precision: Precision, clock: Clock, seconds: float) -> Pair:
        calls = {str(each): self._call(each) for each in (Precision.FP32, precision)}
        timed = interleaved(calls, clock, seconds)
        return {each: timed[str(each)] for each in (Precision.FP32, precision)}

    def _call(self, precision: Precision) -> Callable[[], object]:
        nodes: list[Node] = []
        values: dict[str, Any] = {}
        made: dict[tuple[Entry, str], int] = {}
        places: dict[int, int] = {}
        network = self.runner.network
        for k in self.group.members:
            node, inputs = network.nodes[k], []
            step = [self.taken.get(entry) for entry in node.inputs]
            lowered = self._lowered(k, step, precision)
            for entry, value in zip(node.inputs, lowered, strict=True):
                if entry[0] in places:
                    inputs.append((places[entry[0]], entry[1]))
                    continue
                key = entry, str(value.dtype)
                if key not in made:
                    made[key] = len(nodes)
                    values[f"input{len(nodes)}"] = value
                    nodes.append(Node(VARIABLE, f"input{len(nodes)}"))
                inputs.append((made[key], 0))
            places[k] = len(nodes)
            nodes.append(replace(self.runner.complete(k), inputs=tuple(inputs)))
        last = self.group.members[-1]
        heads = tuple((places[last], k) for k in range(network.nodes[last].outputs))
        found = symbol(Network(tuple(nodes), heads, {}))
        states = set(found.list_auxiliary_states())
        executor = found.bind(
            mx.cpu(),
            {name: value for name, value in values.items() if name not in states},
            aux_states={name: values[name] for name in states},
            grad_req="null",
        )
        return lambda: _run(executor)

    def _lowered(self, k: int, values: list[Any], precision: Precision) -> list[Any]:
        """As `Runner.lowered`; None for what another member makes."""
        if precision is Precision.FP32:
            return values
        return self.runner.lowered(k, values, precision)


def _run(executor: Any) -> None:
    for output in executor.forward(is_train=False):
        output.wait_to_read()


def time_casts(
    shapes: Collection[tuple[int, ...]],
    precision: Precision,
    clock: Clock,
    seconds: float,
) -> dict[tuple[int, ...], tuple[Latency, Latency]]:
    """Time the casts of fp32 tensors down to `precision` and back up; shape → both."""
    found = {}
    for shape in sorted(shapes):
        calls = {
            "down": _cast(shape, Precision.FP32, precision),
            "up": _cast(shape, precision, Precision.FP32),
        }
        both = interleaved(calls, clock, seconds)
        found[shape] = both["down"], both["up"]
    return found


def _cast(
    shape: tuple[int, ...], source: Precision, target: Precision
) -> Callable[[], object]:
    array = cast(mx.nd.ones(shape), source)
    nodes = (
        Node(VARIABLE, "data"),
        Node(cast_operator(len(shape)), "cast", {"dtype": target.dtype}, ((0, 0),)),
    )
    executor = symbol(Network(nodes, ((1, 0),), {})).bind(
        mx.cpu(), {"data": array}, grad_req="null"
    )
    return lambda: _run(executor)
