"""Timing a model's ops and casts, each distinct one once.

An op is timed as a graph runs it: in a session, its weights as constants (oneDNN packs
those once), several copies after another so that what a call costs does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence, Set
from typing import Any

import tensorflow as tf
from tensorflow.core.framework import graph_pb2, node_def_pb2
from tensorflow.core.protobuf import config_pb2, rewriter_config_pb2

from ...graph import Precision
from ...timing import Clock, Latency, interleaved
from ..protocol import Array, Inputs
from . import eager
from .definitions import TYPES
from .interpreter import Key, Value
from .kernels import LowInterpreter
from .references import waits
from .regions import Region

Pair = Mapping[Precision, Latency]
"""fp32's and the low precision's latency, measured in turn."""

COPIES = 8
"""Of an op in one run, so that the cost of calling a session is spread."""


def time_ops(
    main: Region,
    inputs: Inputs,
    weights: Mapping[str, Array],
    precision: Precision,
    keys: Set[Key],
    clock: Clock,
    seconds: float,
) -> dict[Key, Pair]:
    """Time the ops named by `keys` in fp32 and in `precision`, on real inputs.

    Ops that share type, attributes and shapes are timed once.

    Args:
        seconds: What the timing of one distinct op may take.
    """
    watch = _Stopwatch(main, weights, precision, keys, clock, seconds)
    watch.run(inputs)
    return watch.pairs


def time_casts(
    shapes: Set[tuple[int, ...]], precision: Precision, clock: Clock, seconds: float
) -> dict[tuple[int, ...], tuple[Latency, Latency]]:
    """Time the casts of fp32 tensors down to `precision` and back up; shape → both."""
    found = {}
    for shape in sorted(shapes):
        wide = tf.ones(shape)
        both = {}
        for name, source, target in (
            ("down", Precision.FP32, precision),
            ("up", precision, Precision.FP32),
        ):
            node = node_def_pb2.NodeDef(name="cast", op="Cast")
            node.attr["SrcT"].type = TYPES[source]
            node.attr["DstT"].type = TYPES[target]
            both[name] = compiled(node, [eager.cast(wide, source)])
        timed = _interleaved(both, clock, seconds)
        found[shape] = timed["down"], timed["up"]
    return found


def compiled(node: Any, values: Sequence[Value]) -> Callable[[], object]:
    """A call that runs copies of the node on these values and returns nothing."""
    graph_def = graph_pb2.GraphDef()
    names = []
    with tf.Graph().as_default():
        for k, value in enumerate(values):
            tensor = tf.make_tensor_proto(value.numpy(), dtype=value.dtype)
            constant = graph_def.node.add(name=f"input{k}", op="Const")
            constant.attr["dtype"].type = tensor.dtype
            constant.attr["value"].tensor.CopyFrom(tensor)
            names.append(constant.name)
    for copy in range(COPIES):
        new = graph_def.node.add()
        new.CopyFrom(node)
        new.name = f"op{copy}"
        new.device = ""
        new.input[:] = [*names, *([f"^op{copy - 1}"] if copy else [])]
        new.attr.pop("_class", None)
    graph = tf.Graph()
    with graph.as_default():
        tf.graph_util.import_graph_def(graph_def, name="")
    session = tf.compat.v1.Session(graph=graph, config=unoptimised())
    run = session.make_callable([graph.get_operation_by_name(f"op{COPIES - 1}")])

    def call(owner: Any = session) -> object:
        return run()

    return call


def unoptimised() -> Any:
    """A session's configuration under which each node runs as it stands."""
    options = config_pb2.ConfigProto()
    rewrite = options.graph_options.rewrite_options
    rewrite.disable_meta_optimizer = True
    rewrite.constant_folding = rewriter_config_pb2.RewriterConfig.OFF
    options.graph_options.optimizer_options.opt_level = config_pb2.OptimizerOptions.L0
    threads = tf.config.threading.get_intra_op_parallelism_threads()
    options.intra_op_parallelism_threads = threads
    options.inter_op_parallelism_threads = 1
    return options


class _Stopwatch(LowInterpreter):
    def __init__(
        self,
        main: Region,
        weights: Mapping[str, Array],
        precision: Precision,
        keys: Set[Key],
        clock: Clock,
        seconds: float,
    ) -> None:
        super().__init__(main, weights, precision, keys)
        self.clock, self.seconds = clock, seconds
        self.pairs: dict[Key, Pair] = {}
        self.known: dict[Hashable, Pair] = {}

    everywhere = True

    def run_op(self, region: Region, node: Any, values: list[Value]) -> list[Value]:
        key = (region.id, node.name)
        if key in self.keys and key not in self.pairs:
            form = _form(node, values)
            if form not in self.known:
                self.known[form] = self._time(region, node, values)
            self.pairs[key] = self.known[form]
        return super().run_op(region, node, values)

    def _time(self, region: Region, node: Any, values: list[Value]) -> Pair:
        low = self.low_values(region, node, values)
        calls = {
            "fp32": compiled(node, values),
            "low": compiled(self.low_node(region, node), low),
        }
        both = _interleaved(calls, self.clock, self.seconds)
        return {Precision.FP32: both["fp32"], self.precision: both["low"]}


def _interleaved(
    calls: Mapping[str, Callable[[], object]], clock: Clock, seconds: float
) -> dict[str, Latency]:
    """Per copy."""
    return {
        name: Latency(
            each.median / COPIES, each.low / COPIES, each.high / COPIES, each.runs
        )
        for name, each in interleaved(calls, clock, seconds).items()
    }


def _form(node: Any, values: Sequence[Value]) -> Hashable:
    """What an op's time depends on: type, attributes, dtypes and shapes."""
    plain = type(node)()
    plain.CopyFrom(node)
    plain.name = ""
    del plain.input[:]
    plain.attr.pop("_class", None)
    described = tuple((each.dtype.name, tuple(each.shape)) for each in values)
    return plain.SerializeToString(deterministic=True), described, bool(waits(node))
