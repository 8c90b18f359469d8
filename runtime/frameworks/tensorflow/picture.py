"""From a model's regions to the Graph that placement and search see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...graph.graph import REGION, Graph, Kind, Op, Slot, Tensor
from ..absorbed import Absorbed, absorbing, remembered
from ..picturing import settled
from ..protocol import Array, Inputs
from .ir import operators, schemas
from .ir.flops import contraction
from .ir.frozen import Frozen
from .ir.kernel_fusion import BIAS, groups
from .ir.naming import data, flat, parsed, scope
from .ir.regions import Region, every
from .ir.schemas import FLOAT, dtype_name
from .ir.slots import slots
from .running.interpreter import Interpreter, Value

Seen = tuple[str, tuple[int, ...]]
"""dtype and shape."""


def picture(main: Region, inputs: Inputs, prepared: Frozen) -> Graph:
    """Run the model once on a real batch and describe what was seen."""
    seen = _Observer(main, prepared.weights)
    seen.run(inputs)
    draw = _Draw(main, seen, prepared)
    ops = tuple(draw.ops(main))
    return Graph(
        ops=ops,
        tensors=draw.tensors,
        inputs=tuple(draw.name(main, name) for name in main.arguments),
        outputs=tuple(draw.name(main, reference) for reference in main.results),
        equal=tuple(_with_biases(main, ops)),
        dropped=remembered(draw.dropped(main)),
    )


def _with_biases(main: Region, ops: Sequence[Op]) -> Iterator[frozenset[str]]:
    """A layer's contraction and its bias: one kernel, and one op to users.

    A bias in another precision would round what a pin on the contraction keeps.
    """
    free = {op.id for op in ops if op.kind is not Kind.FIXED}
    for region in every(main):
        for anchor, chain in groups(region).items():
            pair = {region.within(anchor), region.within(chain[1])}
            if region.by_name[chain[1]].op in BIAS and pair <= free:
                yield frozenset(pair)


class _Draw:
    def __init__(self, main: Region, seen: _Observer, prepared: Frozen) -> None:
        self.seen, self.prepared, self.weights = seen, prepared, prepared.weights
        self.read = _read(main)
        self.tensors: dict[str, Tensor] = {}

    def name(self, region: Region, reference: str) -> str:
        """The tensor that a reference means; it is among `tensors` from now on."""
        name = region.within(reference)
        if name not in self.tensors:
            self.tensors[name] = self._tensor(region, reference, name)
        return name

    def _tensor(self, region: Region, reference: str, name: str) -> Tensor:
        node, index = parsed(reference)
        found = region.by_name[node]
        constant = found.op == "Const" or (not region.id and node in self.weights)
        if constant:
            dtype, shape = _constant(found, self.weights.get(node))
            return Tensor(name, dtype, shape, constant=True)
        runs = max(1, self.seen.trips.get(region.id, 1))
        seen = self.seen.values.get((region.id, reference))
        if seen is None:
            seen = (dtype_name(schemas.outputs(found)[index].type), ())
        return Tensor(name, *seen, runs=runs)

    def ops(self, region: Region) -> Iterator[Op]:
        """The region's ops in order; each control-flow op follows what is in it."""
        for node, _done in region.steps:
            if node.op == "Const" or (not region.id and node.name in self.weights):
                continue
            bodies = list(region.bodies.get(node.name, {}).values())
            for body in bodies:
                yield self._entrance(region, node, body)
                yield from self.ops(body)
            yield self._op(region, node, bodies)

    def _entrance(self, region: Region, node: Any, body: Region) -> Op:
        """Stands for the border of a body, where operands are as they are outside."""
        operands = data(node)[-len(body.arguments) :] if body.arguments else []
        return Op(
            id=body.id,
            type=REGION,
            kind=Kind.FIXED,
            inputs=tuple(Slot(self.name(region, o), castable=False) for o in operands),
            outputs=tuple(self.name(body, a) for a in body.arguments),
            scope=scope(node.name),
            region=region.id,
            key=(body.id, ""),
        )

    def _op(self, region: Region, node: Any, bodies: Sequence[Region]) -> Op:
        taken = self._slots(region, node, bodies)
        outputs, follow = self._outputs(region, node)
        kind = operators.kind(node.op) if follow and not bodies else Kind.FIXED
        kind, taken = settled(kind, taken, outputs, self.tensors)
        op = Op(
            id=region.within(node.name),
            type=node.op,
            kind=kind,
            inputs=taken,
            outputs=outputs,
            scope=scope(node.name),
            region=region.id,
            flops=self._flops(region, node, kind, outputs),
            key=(region.id, node.name),
            growth=operators.growth(node.op),
            quantized=node.op in operators.INT8,
        )
        return absorbing(
            op, [_within(region, each) for each in self._absorbed(region, node)]
        )

    def dropped(self, main: Region) -> Iterator[Absorbed]:
        """What is part of nothing, in all regions."""
        for region in every(main):
            for name in self.prepared.dropped.get(_function(region), ()):
                yield _within(region, name)

    def _slots(
        self, region: Region, node: Any, bodies: Sequence[Region]
    ) -> tuple[Slot, ...]:
        """What the op takes, then what its bodies return."""
        references = data(node)
        follows: list[bool | None] = [False] * len(references)
        if not bodies and schemas.op_def(node.op) is not None:
            follows = slots(node)
        return (
            *(
                Slot(self.name(region, reference), castable)
                for reference, castable in zip(references, follows, strict=True)
                if castable is not None
            ),
            *(
                Slot(self.name(body, reference), castable=False)
                for body in bodies
                for reference in body.results
            ),
        )

    def _outputs(self, region: Region, node: Any) -> tuple[tuple[str, ...], bool]:
        """Names of the tensors made, and whether all fp32 ones follow the precision.

        Outputs that nobody reads are left out, unless there is no other.
        """
        ports = {
            flat(node.name, k): port
            for k, port in enumerate(schemas.outputs(node))
            if (region.id, flat(node.name, k)) in self.read
        }
        names = tuple(self.name(region, reference) for reference in ports)
        governing = (schemas.precision_attribute(node), None)
        floats = [port for port in ports.values() if port.type == FLOAT]
        return names, all(port.attribute in governing for port in floats)

    def _absorbed(self, region: Region, node: Any) -> tuple[Absorbed, ...]:
        function = _function(region)
        place = f"{function}/{node.name}" if function else node.name
        return self.prepared.absorbed.get(place, ())

    def _flops(
        self, region: Region, node: Any, kind: Kind, outputs: Sequence[str]
    ) -> int:
        counted = self.seen.flops.get((region.id, node.name), 0)
        if counted or kind is not Kind.POINTWISE:
            return counted
        made = [self.tensors[name] for name in outputs]
        return sum(tensor.elements * tensor.runs for tensor in made)


class _Observer(Interpreter):
    """Runs the model and keeps dtypes, shapes and FLOPs, not values."""

    everywhere = True

    def __init__(self, main: Region, weights: Mapping[str, Array]) -> None:
        super().__init__(main, weights)
        self.values: dict[tuple[str, str], Seen] = {}
        self.flops: dict[tuple[str, str], int] = {}

    def run_op(self, region: Region, node: Any, values: list[Value]) -> list[Value]:
        made = super().run_op(region, node, values)
        if node.op in operators.COMPUTE or node.op in operators.INT8:
            key = (region.id, node.name)
            shapes = [tuple(each.shape) for each in values]
            counted = contraction(node, shapes, [tuple(m.shape) for m in made])
            self.flops[key] = self.flops.get(key, 0) + counted
        return made

    def made(self, region: Region, name: str, values: list[Value]) -> None:
        for index, value in enumerate(values):
            if value.dtype.name not in ("resource", "variant"):
                seen = (value.dtype.name, tuple(value.shape))
            else:
                seen = (value.dtype.name, ())
            self.values[region.id, flat(name, index)] = seen


def _read(main: Region) -> set[tuple[str, str]]:
    """(region, reference) of all that some live node reads or a region returns."""
    found: set[tuple[str, str]] = set()
    for region in every(main):
        found.update((region.id, reference) for reference in region.results)
        for node, _done in region.steps:
            found.update((region.id, reference) for reference in data(node))
    return found


def _constant(node: Any, weight: Array | None) -> Seen:
    if weight is not None:
        return weight.dtype.name, weight.shape
    tensor = node.attr["value"].tensor
    shape = tuple(each.size for each in tensor.tensor_shape.dim)
    return dtype_name(tensor.dtype), shape


def _function(region: Region) -> str:
    """Name of the function that a region came from, "" for the main graph."""
    return "" if region.function is None else str(region.function.signature.name)


def _within(region: Region, name: Absorbed) -> Absorbed:
    """The name of something in a region, as it is known outside."""
    inside = region.within(name.region) if name.region else region.id
    return replace(name, id=region.within(name.id), region=inside)
