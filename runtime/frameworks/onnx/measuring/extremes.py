"""What may lie at the end of a 16-bit format, on rows too that no batch need have.

A mask of -1e9, or of fp32's lowest number, means "as small as can be". It is a constant
or comes in from outside, and what is computed from it leaves the range of 16 bits where
fp32 stays finite: on a row that is masked in full, say. Values seen on the calibration
batch don't show that; the constants do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ....graph.formats import LIMITS
from ....graph.graph import REGION, Graph, Kind, Op, Precision
from ...listing import listed
from ..ir.naming import constant
from ..ir.weights import AT_ONCE, release
from .reaches import NOTHING, Reach, Taken, reach

FP32_END = float(np.finfo(np.float32).max)

BOUNDED = listed(
    """
    Atan Cos Erf Exp GlobalMaxPool HardSigmoid Hardmax Sigmoid Sign Sin Softmax Softsign
    Tanh
    """
)
"""Whatever they take, what they make is ordinary, and they compute it in any range."""

TINY = listed("Div Log Pow Reciprocal Sqrt")
"""Operators that make infinities of zeros."""

MIXING = listed(
    "Add Cast Clip Expand Identity Mul Neg Reshape Slice Squeeze Sub Transpose Unsqueeze Where"
)
"""Between a mask as it comes in and the softmax that it is for."""


@dataclass(frozen=True)
class Extremes:
    """What a format has no room for.

    Attributes:
        reaches: Tensor → how far constants may take it, beyond the format's range.
        unsafe: Op → what in it would not be finite in the format on some row.
    """

    reaches: Mapping[str, float]
    unsafe: Mapping[str, float]


def extremes(
    graph: Graph,
    nodes: Mapping[str, ir.Node],
    values: Mapping[str, ir.Value],
    precision: Precision,
) -> Extremes:
    """Follow large and tiny constants, and masks from outside, through a model.

    Args:
        nodes: Op id → its node.
        values: Tensor → its value.
    """
    search = _Search(graph, nodes, values, precision)
    search.run()
    end = LIMITS[precision].overflow
    far = {
        name: each.largest
        for name, each in search.found.items()
        if each.largest >= end and not graph.tensors[name].constant
    }
    return Extremes(far, search.unsafe)


class _Search:
    def __init__(
        self,
        graph: Graph,
        nodes: Mapping[str, ir.Node],
        values: Mapping[str, ir.Value],
        precision: Precision,
    ) -> None:
        self.graph, self.nodes, self.values = graph, nodes, values
        self.low = precision
        self.limit = LIMITS[precision].largest / 2
        self.found: dict[str, Reach] = {}
        self.floors: dict[str, float] = {}
        self.inverses: set[str] = set()
        self.unsafe: dict[str, float] = {}
        self.readers = graph.consumers
        self._constants: dict[str, tuple[Reach, float, float]] = {}

    def run(self) -> None:
        for name in self._masks_from_outside():
            self.found[name] = Reach(-FP32_END, FP32_END)
        for op in self.graph.ops:
            if op.type == REGION:
                for slot, name in zip(op.inputs, op.outputs, strict=True):
                    self._is(name, self._of(slot.tensor))
            elif op.kind is Kind.FIXED:
                self._fixed(op)
            else:
                self._op(op)
        for op in reversed(self.graph.ops):
            self._feeds(op)

    def _feeds(self, op: Op) -> None:
        """What an unsafe op reads, or the model returns, must not have been rounded.

        An end of the format stands for what is beyond it before a softmax alone.
        """
        end = LIMITS[self.low].largest * 1.01
        for name in op.outputs if op.id not in self.unsafe else ():
            reached = self.found.get(name, NOTHING).largest
            read = any(each.id in self.unsafe for each in self.readers.get(name, ()))
            if reached > end and (read or name in self.graph.outputs):
                self.unsafe[op.id] = reached
            elif read and self.floors.get(name, 1.0) <= LIMITS[self.low].flush:
                self.unsafe[op.id] = self.floors[name]

    def _is(self, name: str, made: Reach) -> None:
        if made.largest > self.limit and self.graph.tensors[name].floating:
            self.found[name] = made

    def _fixed(self, op: Op) -> None:
        """A cast of whole numbers is ordinary; what bodies return is what they made."""
        taken = [self._of(slot.tensor) for slot in op.inputs]
        together = Reach(
            min((each.low for each in taken), default=0.0),
            max((each.high for each in taken), default=0.0),
        )
        for name in op.outputs:
            self._is(name, together)

    def _op(self, op: Op) -> None:
        node = self.nodes[op.id]
        weights = op.kind is Kind.COMPUTE  # the batch shows what they make
        taken = [self._taken(slot.tensor, not weights) for slot in op.inputs]
        inverse = self._flushed(op, taken)
        scalar = max(_scalars(node), default=0.0)
        relevant = taken[:1] if op.type == "Div" else taken
        extreme = any(each.reach.largest > self.limit for each in relevant)
        # What a constant is added to, it is added to in every row: the batch shows it.
        shown = op.type in ("Add", "Sub", "Sum") and not any(
            each.reach.largest > self.limit and not each.constant for each in taken
        )
        if op.kind is not Kind.MOVER and scalar > self.limit:
            self.unsafe[op.id] = scalar
        made = reach(op.type, taken, scalar, self.limit)
        if inverse.largest > made.largest:
            made = inverse
            self.inverses.update(op.outputs)
        elif any(slot.tensor in self.inverses for slot in op.inputs):
            if op.kind is Kind.MOVER:
                self.inverses.update(op.outputs)
            else:
                made = NOTHING  # a norm: what is multiplied is as small
        if op.type in BOUNDED or not (extreme or made.largest > self.limit):
            return
        for name in op.outputs:
            self._is(name, made)
        shown = shown or op.kind is Kind.MOVER
        if not shown and not self._absorbs(op, taken):
            self.unsafe[op.id] = max(made.largest, *(t.reach.largest for t in taken))

    def _absorbs(self, op: Op, taken: Sequence[Taken]) -> bool:
        """Whether bf16, whose range is fp32's, holds the result wherever fp32 does."""
        if self.low is not Precision.BF16 or len(taken) != 2:
            return False
        far = [each for each in taken if each.reach.largest > self.limit]
        if len(far) != 1:
            return False
        if op.type in ("Add", "Sub"):
            return True
        factor = far[0].constant and far[0].reach.largest
        return op.type == "Mul" and factor * (1 + 2.0**-8) >= FP32_END

    def _flushed(self, op: Op, taken: Sequence[Taken]) -> Reach:
        """What keeps a divisor from zero may be zero itself in fp16.

        Returns:
            How far the inverse of it goes.
        """
        if op.type in ("Add", "Max", "Clip", "Sum"):
            floors = [each.least for each in taken if each.constant and each.least > 0]
            self._has_floor(op, min(floors, default=1.0))
            return NOTHING
        place = 1 if op.type == "Div" else 0
        name = op.inputs[place].tensor if place < len(op.inputs) else None
        if op.type not in TINY or name not in self.floors:
            return NOTHING
        floor = self.floors[str(name)]
        if floor <= LIMITS[self.low].flush:
            self.unsafe.setdefault(op.id, floor)
        inverse = _inverse(op.type, floor, taken)
        self._has_floor(op, floor**0.5 if op.type == "Sqrt" else 1.0)
        return Reach(-inverse, inverse)

    def _has_floor(self, op: Op, floor: float) -> None:
        if floor <= 1 / self.limit:
            self.floors.update(dict.fromkeys(op.outputs, floor))

    def _of(self, name: str | None) -> Reach:
        return self._taken(name).reach

    def _taken(self, name: str | None, constants: bool = True) -> Taken:
        if name is None or not self.graph.tensors[name].floating:
            return Taken(NOTHING)
        if name in self.found:
            return Taken(self.found[name])
        if not (constants and self.graph.tensors[name].constant):
            return Taken(NOTHING)
        if name not in self._constants:
            self._constants[name] = _spread(self.values[name])
        own, least, most = self._constants[name]
        if most > self.limit:
            return Taken(own, most, least, constant=True)
        return Taken(NOTHING, most, least, constant=True)

    def _masks_from_outside(self) -> frozenset[str]:
        """Inputs that hide scores from a softmax: nothing says what they may hold."""
        found: set[str] = set()
        for op in self.graph.ops:
            if op.type in ("Softmax", "LogSoftmax"):
                masks, scored = self._behind(self.graph.castable(op))
                found |= masks if scored else set()
        return frozenset(found)

    def _behind(self, names: Sequence[str]) -> tuple[set[str], bool]:
        """The inputs that reach tensors by mixing alone; whether products do too."""
        waiting, seen, scored = list(names), set[str](), False
        while waiting:
            name = waiting.pop()
            if name in seen or not self.graph.tensors[name].floating:
                continue
            seen.add(name)
            maker = self.graph.source(name)
            if maker is None:
                continue
            mixed = [slot.tensor for slot in maker.inputs if slot.tensor]
            factors = [self._taken(name) for name in mixed if maker.type == "Mul"]
            large = any(each.constant and each.most > 1 for each in factors)
            scales = any(each.constant for each in factors) and not large
            if maker.kind is Kind.COMPUTE or (factors and not scales):
                scored = scored or not large
            elif maker.type in MIXING:
                waiting += mixed
        return {name for name in seen if name in self.graph.inputs}, scored


def _inverse(operator: str, floor: float, taken: Sequence[Taken]) -> float:
    """How large a quotient gets at the least divisor; a norm divides what is no larger."""
    if operator == "Reciprocal":
        return 1 / floor
    if operator == "Div" and taken[0].constant:
        return taken[0].most / floor
    if operator == "Pow" and taken[1].constant:
        return float(floor ** -taken[1].most)
    return 0.0


def _spread(value: ir.Value) -> tuple[Reach, float, float]:
    """A constant's finite extremes, its least and its largest magnitude."""
    tensor = constant(value)
    if tensor is None:  # one number, repeated
        node = value.producer()
        filled = None if node is None else node.attributes.get("value")
        tensor = filled.as_tensor() if filled is not None else ir.tensor([0.0])
    low, high, array = np.inf, -np.inf, tensor.numpy().reshape(-1)
    for first in range(0, array.size, AT_ONCE):
        part = array[first : first + AT_ONCE]
        part = part[np.isfinite(part)]
        low = min(low, float(part.min(initial=np.inf)))
        high = max(high, float(part.max(initial=-np.inf)))
    release(tensor)
    if low > high:
        return NOTHING, 0.0, 0.0
    least = min(abs(low), abs(high)) if low * high > 0 else 0.0
    return Reach(min(low, 0.0), max(high, 0.0)), least, max(-low, high)


def _scalars(node: ir.Node) -> Iterator[float]:
    """Magnitudes of the numbers among a node's attributes."""
    for attribute in node.attributes.values():
        if not attribute.is_ref() and attribute.type == ir.AttributeType.FLOAT:
            number = abs(float(attribute.value))
            if np.isfinite(number):
                yield number
