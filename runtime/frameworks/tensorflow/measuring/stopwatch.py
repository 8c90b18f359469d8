"""Timing a model's ops and casts, each distinct one once.

An op is timed as a graph runs it: in a session, its weights as constants (oneDNN packs
those once), several copies in one run so that what a call costs does not count. Ops
that TensorFlow fuses are timed as one; the first has the time, the others none.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf
from tensorflow.core.framework import graph_pb2, node_def_pb2
from tensorflow.core.protobuf import config_pb2, rewriter_config_pb2

from ....common.timing import Clock, Latency, interleaved
from ....graph.graph import Precision
from ...measuring.timings import Pair, Shape, Way
from ..ir.kernel_fusion import groups
from ..ir.naming import data
from ..ir.regions import Region
from ..ir.schemas import TYPES, outputs
from ..running import eager
from ..running.interpreter import Key, Value
from ..running.low import LowInterpreter

COPIES, BYTES = 16, 2**23
"""Of an op in one run at most, and what their inputs may take."""

FREE = Latency(0.0, 0.0, 0.0, 1)


@dataclass(frozen=True)
class Piece:
    """A node with the values that it takes.

    Attributes:
        links: For each value the node before that makes it, None if it is given.
    """

    node: Any
    values: Sequence[Value]
    links: Sequence[str | None]


@dataclass(eq=False, kw_only=True)
class Stopwatch(LowInterpreter):
    """Times the ops named by `keys`, and casts, as it runs the graph.

    Ops that share type, attributes and shapes are timed once.

    Attributes:
        seconds: What the timing of one distinct op or cast may take.
        pairs: Op → latencies.
    """

    everywhere = True
    clock: Clock
    seconds: float
    pairs: dict[Key, Pair] = field(default_factory=dict)
    known: dict[Hashable, Pair] = field(default_factory=dict)
    member: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    waiting: dict[Key, list[tuple[Any, list[Value]]]] = field(default_factory=dict)

    def time_casts(self, shape: Shape, ways: Sequence[Way]) -> dict[Way, Latency]:
        """Time the ways to cast a tensor of a shape, in turn."""
        casts = {str(way): [_cast(shape, *way)] for way in ways}
        found = in_turn(casts, self.clock, self.seconds)
        return {way: found[str(way)] for way in ways}

    def run_op(self, region: Region, node: Any, values: list[Value]) -> list[Value]:
        key = (region.id, node.name)
        if key in self.keys and key not in self.pairs:
            chain = self._chain(region, node.name)
            collected = self.waiting.setdefault((region.id, chain[0]), [])
            collected.append((node, values))
            if node.name == chain[-1]:
                self._time(region, chain, collected)
        return super().run_op(region, node, values)

    def _chain(self, region: Region, name: str) -> tuple[str, ...]:
        """The ops that are one kernel with this one, if all of them are to be timed."""
        if region.id not in self.member:
            self.member[region.id] = {
                each: chain
                for chain in groups(region).values()
                if all((region.id, member) in self.keys for member in chain)
                for each in chain
            }
        return self.member[region.id].get(name, (name,))

    def _time(
        self,
        region: Region,
        chain: tuple[str, ...],
        collected: list[tuple[Any, list[Value]]],
    ) -> None:
        wide, narrow = [], []
        for node, values in collected:
            links = [each if each in chain else None for each in data(node)]
            low = self.low_values(region, node, values)
            wide.append(Piece(node, values, links))
            narrow.append(Piece(self.low_node(region, node), low, links))
        form = tuple(map(_form, wide))
        if form not in self.known:
            both = in_turn({"fp32": wide, "low": narrow}, self.clock, self.seconds)
            self.known[form] = {
                Precision.FP32: both["fp32"],
                self.precision: both["low"],
            }
        free = {Precision.FP32: FREE, self.precision: FREE}
        for name in chain:
            self.pairs[region.id, name] = free
        self.pairs[region.id, chain[0]] = self.known[form]
        collected.clear()


def _cast(shape: Shape, source: Precision, target: Precision) -> Piece:
    node = node_def_pb2.NodeDef(name="cast", op="Cast")
    node.attr["SrcT"].type = TYPES[source]
    node.attr["DstT"].type = TYPES[target]
    return Piece(node, [eager.cast(tf.ones(shape), source)], [None])


def compiled(pieces: Sequence[Piece], copies: int) -> Callable[[], object]:
    """A call that runs copies of the pieces, one after another, and returns nothing."""
    graph_def = graph_pb2.GraphDef()
    done = graph_def.node.add(name="done", op="NoOp")
    for place, piece in enumerate(pieces):
        for k, value in enumerate(piece.values):
            if piece.links[k] is None:
                _constant(graph_def, f"value{place}_{k}", value)
    for copy in range(copies):
        for place, piece in enumerate(pieces):
            new = graph_def.node.add()
            new.CopyFrom(piece.node)
            new.name = f"copy{copy}/{piece.node.name}"
            new.device = ""
            new.attr.pop("_class", None)
            new.input[:] = [
                f"value{place}_{k}" if link is None else f"copy{copy}/{link}"
                for k, link in enumerate(piece.links)
            ]
        last = graph_def.node.add(name=f"read{copy}", op="Shape", input=[new.name])
        last.attr["T"].type = outputs(new)[0].type
        done.input.append(f"^{last.name}")
    graph = tf.Graph()
    with graph.as_default():
        tf.graph_util.import_graph_def(graph_def, name="")
    session = tf.compat.v1.Session(graph=graph, config=_only_fusing())
    run = session.make_callable([graph.get_operation_by_name("done")])

    def call(owner: Any = session) -> object:
        return run()

    return call


def _constant(graph_def: Any, name: str, value: Value) -> None:
    tensor = tf.make_tensor_proto(value.numpy(), dtype=value.dtype)
    node = graph_def.node.add(name=name, op="Const")
    node.attr["dtype"].type = tensor.dtype
    node.attr["value"].tensor.CopyFrom(tensor)


def _only_fusing() -> Any:
    """A session's configuration under which nodes are fused, and none is folded away."""
    options = config_pb2.ConfigProto()
    rewrite = options.graph_options.rewrite_options
    rewrite.optimizers.append("remap")
    rewrite.min_graph_nodes = -1
    rewrite.meta_optimizer_iterations = rewriter_config_pb2.RewriterConfig.ONE
    options.graph_options.optimizer_options.opt_level = config_pb2.OptimizerOptions.L0
    threads = tf.config.threading.get_intra_op_parallelism_threads()
    options.intra_op_parallelism_threads = threads
    options.inter_op_parallelism_threads = 1
    return options


def in_turn(
    each: Mapping[str, Sequence[Piece]], clock: Clock, seconds: float
) -> dict[str, Latency]:
    """Per copy, all in turn."""
    size = max(
        sum(v.shape.num_elements() * v.dtype.size for p in pieces for v in p.values)
        for pieces in each.values()
    )
    copies = max(1, min(COPIES, BYTES // max(size, 1)))
    calls = {name: compiled(pieces, copies) for name, pieces in each.items()}
    return {
        name: timed.changed(lambda taken: taken / copies)
        for name, timed in interleaved(calls, clock, seconds).items()
    }


def _form(piece: Piece) -> Hashable:
    """What an op's time depends on: type, attributes, dtypes and shapes."""
    plain = type(piece.node)()
    plain.CopyFrom(piece.node)
    plain.name = ""
    del plain.input[:]
    plain.attr.pop("_class", None)
    described = tuple((each.dtype.name, tuple(each.shape)) for each in piece.values)
    linked = tuple(link is not None for link in piece.links)
    return plain.SerializeToString(deterministic=True), described, linked
