"""Timing single ops and casts, each distinct one once, as their runtime compiles them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TypeVar

import numpy as np
import onnx_ir as ir

from ....common.timing import Clock, Latency, interleaved
from ....graph.graph import Op, Precision
from ...measuring.timings import Pair, Shape, Way
from ..ir.naming import constant
from ..ir.weights import DTYPES
from ..running.low import Single, Singles
from ..running.session import Executor

Key = TypeVar("Key", bound=Hashable)

LEAST = 0.05
"""Share of a call that is left to the op when what a call costs is taken off."""


@dataclass(frozen=True)
class Stopwatch:
    """Times single ops and casts in one runtime.

    What a call costs besides the op (handing over inputs) is taken off.

    Attributes:
        seconds: What the timing of one distinct op or cast may take.
    """

    singles: Singles
    executor: Executor
    clock: Clock
    seconds: float

    def time_ops(self, precision: Precision, ops: Set[str]) -> dict[str, Pair]:
        """Time ops in fp32 and in `precision`, on real inputs; op id → latencies."""
        singles, both = self.singles, (Precision.FP32, precision)
        known: dict[Hashable, Pair] = {}
        found = {}
        for op in singles.graph.ops:
            if op.id not in ops or not singles.ran(op):
                continue
            signature = _signature(singles, op)
            if signature not in known:
                known[signature] = self._timed({p: self.alone(op, p) for p in both})
            found[op.id] = known[signature]
        return found

    def time_casts(self, shape: Shape, ways: Sequence[Way]) -> dict[Way, Latency]:
        """Time the ways to cast a tensor of a shape, in turn."""
        return self._timed({way: self.cast(shape, *way) for way in ways})

    def _timed(self, singles: Mapping[Key, Single]) -> dict[Key, Latency]:
        calls = {str(key): self._call(single) for key, single in singles.items()}
        found = interleaved(calls, self.clock, self.seconds)
        return {key: self._less(found[str(key)]) for key in singles}

    def _less(self, latency: Latency) -> Latency:
        """What is left to the op, LEAST of it at least."""
        least = LEAST * latency.median
        return latency.changed(lambda taken: max(taken - self._idle, least))

    def _call(self, single: Single) -> Callable[[], object]:
        return partial(self.executor.compile_part(single.model), single.inputs)

    @cached_property
    def _idle(self) -> float:
        """Seconds of a call that does next to nothing."""
        fp32 = Precision.FP32
        calls = {"idle": self._call(self._single("Relu", (1,), fp32, fp32, []))}
        return interleaved(calls, self.clock, self.seconds)["idle"].median

    def alone(self, op: Op, precision: Precision) -> Single:
        """The op by itself in a precision."""
        return self.singles.alone(op, precision)

    def cast(self, shape: Shape, source: Precision, target: Precision) -> Single:
        """A cast by itself."""
        to = ir.AttrInt64("to", DTYPES[target].value)
        return self._single("Cast", shape, source, target, [to])

    def _single(
        self,
        operator: str,
        shape: Shape,
        source: Precision,
        target: Precision,
        attributes: list[ir.Attr],
    ) -> Single:
        sizes = ir.Shape(shape)
        given = ir.Value(name="x", shape=sizes, type=ir.TensorType(DTYPES[source]))
        made = ir.Value(name="y", shape=sizes, type=ir.TensorType(DTYPES[target]))
        node = ir.Node("", operator, [given], attributes, outputs=[made])
        model = self.singles.model
        opsets = {"": model.opset_imports[""]}
        graph = ir.Graph(
            [given], [made], nodes=[node], opset_imports=opsets, name=operator
        )
        array = np.ones(shape, DTYPES[source].numpy())
        return Single(ir.Model(graph, ir_version=model.ir_version), (array,))


def _signature(singles: Singles, op: Op) -> Hashable:
    """Operator, attributes, and what is known of each input before it runs."""
    node, tensors = singles.nodes[op.id], singles.graph.tensors
    given = tuple(
        None
        if slot.tensor is None
        else (
            tensors[slot.tensor].dtype,
            tensors[slot.tensor].shape,
            value is not None and constant(value) is not None,
        )
        for value, slot in zip(node.inputs, op.inputs, strict=False)
    )
    attributes = tuple(sorted(f"{k}={v.value}" for k, v in node.attributes.items()))
    return (node.op_type, attributes, given, len(node.outputs))
