"""The framework-neutral picture of a traced fp32 model (docs/graph.md)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from .growth import Growth
from .kind import Kind as Kind
from .precision import Precision as Precision
from .tensor import Tensor as Tensor


@dataclass(frozen=True, slots=True)
class Slot:
    """One place in an op's ordered inputs.

    Attributes:
        tensor: Name of the tensor, None for an omitted optional input.
        castable: True if the slot takes the op's precision; False if its dtype is
            fixed (indices, batch-norm statistics, Resize scales).
        as_held: True if the op reads any precision, so that nothing is cast for it.
    """

    tensor: str | None
    castable: bool = True
    as_held: bool = False


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel by the precision of its castable inputs and of its fp32 outputs."""

    input: Precision
    output: Precision


@dataclass(frozen=True, slots=True)
class Op:
    """One operation of the graph.

    Attributes:
        id: Stable name: the framework's own where users know it (docs/graph.md).
        type: The framework's operator type, in its spelling ("conv2d", "MatMul").
        kind: What the op does to its values.
        inputs: Ordered slots.
        outputs: Names of the tensors that it makes.
        scope: Module path or name scope, "" at the top.
        absorbed: Ids of the ops folded into this one; pins on them hold here.
        absorbed_types: Their types, in the same order.
        absorbed_scopes: Their scopes, in the same order.
        region: Id of the subgraph or function the op is in, "" for the main graph.
        flops: Floating-point operations at the cost batch, of all its runs.
        kernels: The kernels that a probe found to work, fp32's among them.
        key: The adapter's own handle; nothing else looks inside.
        growth: What it makes of whole numbers larger than those that were seen.
        quantized: Whether it computes in int8, as the model was quantized: its
            precision is then that of what stands around it, not of its arithmetic.
    """

    id: str
    type: str
    kind: Kind
    inputs: tuple[Slot, ...]
    outputs: tuple[str, ...]
    scope: str = ""
    absorbed: tuple[str, ...] = ()
    absorbed_types: tuple[str, ...] = ()
    absorbed_scopes: tuple[str, ...] = ()
    region: str = ""
    flops: int = 0
    kernels: tuple[Kernel, ...] = (Kernel(Precision.FP32, Precision.FP32),)
    key: Hashable = None
    growth: Growth = Growth.ENDS
    quantized: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """What a name pattern may match: ids and scopes, absorbed ops' included.

        Ids also without the region, which users of the module need not know.
        """
        ids = (self.id, *self.absorbed)
        local = (name.removeprefix(f"{self.region}/") for name in ids)
        found = (*ids, *local, self.scope, *self.absorbed_scopes)
        return tuple(name for name in dict.fromkeys(found) if name)

    def within(self, name: str) -> bool:
        """Whether the op is in the region `name`, or in a body of the op `name`."""
        return f"{self.region}/".startswith(f"{name}/") if self.region else False

    @property
    def types(self) -> tuple[str, ...]:
        """What a type may match: the op's own and those it absorbed."""
        return (self.type, *self.absorbed_types)

    def kernel(self, precision: Precision) -> Kernel | None:
        """The kernel whose castable inputs have `precision`, None if there is none."""
        return next((k for k in self.kernels if k.input == precision), None)


REGION = "region"
"""Type of the op that stands for a body's entrance: output k is slot k, inside."""

Placement = Mapping[str, Precision]
"""Op id → precision. Casts follow from it and are never stored."""


@dataclass(frozen=True, slots=True)
class Cast:
    """A conversion of one tensor, shared by all consumers of that precision."""

    tensor: str
    source: Precision
    target: Precision


@dataclass(frozen=True)
class Graph:
    """Ops in topological order and the tensors between them.

    Attributes:
        inputs: Names of the graph's inputs, in order; then of the model's state.
        outputs: Names of its outputs, in order; a tensor may appear twice.
        equal: Groups of op ids that must have one precision (loops, state, aliases,
            ties).
        dropped: Ops of the model as loaded that are gone and part of no other: a pin
            on one is understood, and holds nothing.
        unfit: Names of tensors with finite values that a cast to 16 bits would make
            infinite: who takes one that fp32 made is fp32 too.
        given: Input → the 16 bits that it comes in; the others come in their own dtype.
        returned: Output → the 16 bits that it is returned in, likewise.
    """

    ops: tuple[Op, ...]
    tensors: Mapping[str, Tensor]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    equal: tuple[frozenset[str], ...] = ()
    dropped: tuple[Op, ...] = ()
    unfit: frozenset[str] = frozenset()
    given: Mapping[str, Precision] = field(default_factory=dict)
    returned: Mapping[str, Precision] = field(default_factory=dict)

    @property
    def border(self) -> Iterator[tuple[str, Precision]]:
        """Each output and the precision that it is returned in, if it is a float."""
        for name in self.outputs:
            yield name, self.returned.get(name, Precision.FP32)

    @property
    def coming(self) -> dict[str, Precision]:
        """Each input and the precision that it comes in, if it is a float."""
        return {name: self.given.get(name, Precision.FP32) for name in self.inputs}

    @cached_property
    def by_id(self) -> Mapping[str, Op]:
        return {op.id: op for op in self.ops}

    @cached_property
    def producer(self) -> Mapping[str, Op]:
        """Tensor name → the op that makes it; inputs and constants are absent."""
        return {name: op for op in self.ops for name in op.outputs}

    def source(self, name: str) -> Op | None:
        """The op that made a tensor's values, looked for through regions' entrances."""
        op = self.producer.get(name)
        while op is not None and op.type == REGION:
            name = str(op.inputs[op.outputs.index(name)].tensor)
            op = self.producer.get(name)
        return op

    @cached_property
    def consumers(self) -> Mapping[str, tuple[Op, ...]]:
        """Tensor name → the ops that take it in a castable slot, each once."""
        found: dict[str, dict[str, Op]] = {}
        for op in self.ops:
            for name in self.castable(op):
                found.setdefault(name, {})[op.id] = op
        return {name: tuple(ops.values()) for name, ops in found.items()}

    def castable(self, op: Op) -> tuple[str, ...]:
        """Names of the fp32 tensors in the op's castable slots, constants included."""
        slots = (slot.tensor for slot in op.inputs if slot.castable)
        return tuple(n for n in slots if n is not None and self.tensors[n].floating)

    def fixed(self, op: Op) -> tuple[str, ...]:
        """Names of the fp32 tensors that the op must receive as fp32."""
        slots = (
            slot.tensor for slot in op.inputs if not (slot.castable or slot.as_held)
        )
        return tuple(n for n in slots if n is not None and self.tensors[n].floating)

    def carried(self, op: Op) -> tuple[str, ...]:
        """Names of the op's outputs that take its kernel's output precision."""
        return tuple(n for n in op.outputs if self.tensors[n].floating)

    def runs(self, op: Op) -> int:
        """How often the op runs at the cost batch."""
        return max((self.tensors[name].runs for name in op.outputs), default=1)

    @cached_property
    def flops(self) -> int:
        """Floating-point operations of the whole graph at the cost batch."""
        return sum(op.flops for op in self.ops)

    @cached_property
    def quantizable(self) -> bool:
        """Whether some op could be in int8 and is not by itself."""
        return any(
            op.kind is not Kind.FIXED and op.kernel(Precision.INT8) for op in self.ops
        )

    def flops_int8(self, placement: Placement) -> int:
        """Those of ops in int8: so placed, or as the model was quantized."""
        own = sum(op.flops for op in self.ops if op.quantized)
        return own + self.flops_in(placement, Precision.INT8)

    def flops_in(self, placement: Placement, precision: Precision) -> int:
        """Those placed in a precision; what was int8 before is apart."""
        return sum(
            op.flops
            for op in self.ops
            if not op.quantized and placement.get(op.id) == precision
        )

    def fingerprint(self) -> str:
        """sha256 over ids, types and edges: what a plan must fit.

        Shapes and weights are left out: a plan survives retraining and another batch.
        Dtypes of inputs and outputs count where the spec frees them.
        """
        rows = [[op.id, op.type, [s.tensor for s in op.inputs]] for op in self.ops]
        freed = [dict(self.given), dict(self.returned)]
        whole = [rows, self.inputs, self.outputs, *(freed if any(freed) else ())]
        text = json.dumps(whole, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def held(graph: Graph, placement: Placement) -> dict[str, Precision]:
    """Tensor name → the precision that its maker leaves it in (inputs: as they come).

    Constants are left out: they are cast offline to what each consumer takes.
    """
    precision = graph.coming
    for op in graph.ops:
        kernel = op.kernel(placement[op.id])
        made = kernel.output if kernel else placement[op.id]
        precision.update(dict.fromkeys(graph.carried(op), made))
    return precision


def casts(graph: Graph, placement: Placement) -> tuple[Cast, ...]:
    """The casts that a placement needs: one per tensor and target, in graph order.

    Fixed fp32 slots take fp32, and so do the graph's outputs that are not freed.
    """
    found: dict[Cast, None] = {}
    precision = held(graph, placement)

    def need(name: str, target: Precision) -> None:
        tensor = graph.tensors[name]
        if tensor.floating and not tensor.constant and precision[name] != target:
            found[Cast(name, precision[name], target)] = None

    for op in graph.ops:
        for name in graph.castable(op):
            need(name, placement[op.id])
        for name in graph.fixed(op):
            need(name, Precision.FP32)
    for name, target in graph.border:
        need(name, target)
    return tuple(found)
