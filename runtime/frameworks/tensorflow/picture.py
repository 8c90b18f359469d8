"""From a model's regions to the Graph that placement and search see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...graph.graph import REGION, Graph, Kind, Op, Slot, Tensor
from ..absorbed import Absorbed, absorbing, remembered
from ..protocol import Array, Inputs
from .ir import definitions, operators
from .ir.definitions import FLOAT, dtype_name
from .ir.flops import contraction
from .ir.frozen import Frozen
from .ir.fusing import BIAS, groups
from .ir.operators import slots
from .ir.references import data, flat, parsed
from .ir.regions import Region, every
from .running.interpreter import Interpreter, Value

Seen = tuple[str, tuple[int, ...]]
"""dtype and shape."""


def picture(
    main: Region,
    inputs: Inputs,
    prepared: Frozen,
) -> Graph:
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
            seen = (dtype_name(definitions.outputs(found)[index].type), ())
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
            scope=_scope(node.name),
            region=region.id,
            key=(body.id, ""),
        )

    def _op(self, region: Region, node: Any, bodies: Sequence[Region]) -> Op:
        references = data(node)
        if bodies or definitions.definition(node.op) is None:
            taken = [Slot(self.name(region, r), castable=False) for r in references]
            for body in bodies:
                results = body.results
                taken += [Slot(self.name(body, r), castable=False) for r in results]
        else:
            follows = slots(node)
            taken = [
                Slot(self.name(region, r), castable)
                for r, castable in zip(references, follows, strict=True)
                if castable is not None
            ]
        outputs, free = self._outputs(region, node)
        kind = Kind.FIXED if bodies else operators.kind(node.op)
        if not (free and any(s.castable and self._floating(s.tensor) for s in taken)):
            kind = Kind.FIXED
            taken = [Slot(s.tensor, castable=False) for s in taken]
        op = Op(
            id=region.within(node.name),
            type=node.op,
            kind=kind,
            inputs=tuple(taken),
            outputs=outputs,
            scope=_scope(node.name),
            region=region.id,
            flops=self._flops(region, node, kind, outputs),
            key=(region.id, node.name),
        )
        return absorbing(
            op, [_within(region, each) for each in self._absorbed(region, node)]
        )

    def dropped(self, main: Region) -> Iterator[Absorbed]:
        """What is part of nothing, in all regions."""
        for region in every(main):
            for name in self.prepared.dropped.get(_function(region), ()):
                yield _within(region, name)

    def _outputs(self, region: Region, node: Any) -> tuple[tuple[str, ...], bool]:
        """Names of the tensors made, and whether all fp32 ones follow the precision.

        Outputs that nobody reads are left out, unless there is no other.
        """
        ports = definitions.outputs(node)
        governing = definitions.precision_attribute(node)
        used = [
            k for k in range(len(ports)) if (region.id, flat(node.name, k)) in self.read
        ]
        floats = [ports[k] for k in used if ports[k].type == FLOAT]
        names = tuple(self.name(region, flat(node.name, k)) for k in used)
        follow = all(p.attribute in (governing, None) for p in floats)
        return names, bool(floats) and follow

    def _absorbed(self, region: Region, node: Any) -> tuple[Absorbed, ...]:
        function = _function(region)
        place = f"{function}/{node.name}" if function else node.name
        return self.prepared.absorbed.get(place, ())

    def _floating(self, name: str | None) -> bool:
        return name is not None and self.tensors[name].floating

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
        if node.op in operators.COMPUTE:
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


def _scope(name: str) -> str:
    """The name scope, which Keras and tf.Module make of layers' names."""
    return name.rpartition("/")[0]
