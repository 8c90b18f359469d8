"""From the prepared model and one fp32 run of it to the Graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate

import onnx_ir as ir

from ...graph.graph import REGION, Graph, Kind, Op, Precision, Slot, Tensor
from ..absorbed import absorbing, remembered
from ..picturing import settled
from .ir import schemas
from .ir.flops import flops
from .ir.naming import Names, Site, constant, dtype_name, is_fill
from .ir.operators import READS_NO_VALUES, growth, is_standard, kind
from .ir.prepared import Prepared
from .ir.quantized.integers import contraction
from .ir.quantized.parts import Parts, parts
from .ir.slots import castable
from .running.interpreter import Observed
from .running.session import Executor


def picture(
    prepared: Prepared,
    names: Names,
    seen: Observed,
    low: Precision,
    executor: Executor,
) -> Graph:
    """Describe a model as it was seen to run; slots are castable to `low`."""
    found = {name: _tensor(v, name, seen) for v, name in names.tensors.items()}
    tensors = {name: each for name, each in found.items() if each is not None}
    known = parts(prepared.model, executor.int8)
    draw = _Draw(prepared, names, tensors, low, executor, known)
    graph = prepared.model.graph
    return Graph(
        ops=tuple(draw.ops()),
        tensors=tensors,
        inputs=draw.known(graph.inputs),
        outputs=draw.known(graph.outputs),
        dropped=remembered(prepared.told.dropped),
    )


def _tensor(value: ir.Value, name: str, seen: Observed) -> Tensor | None:
    """What is known of a value, None if it is no tensor."""
    stored = constant(value)
    if stored is not None:
        sizes = tuple(int(size) for size in stored.shape.numpy())
        return Tensor(name, dtype_name(stored.dtype), sizes, constant=True)
    array, runs = seen.values.get(name), _runs(name, seen)
    if array is not None:
        dtype = ir.DataType.from_numpy(array.dtype)
        return Tensor(name, dtype_name(dtype), array.shape, is_fill(value), runs)
    if not isinstance(value.type, ir.TensorType):
        return None
    shape = value.shape if value.shape is not None else ()
    sizes = tuple(size if isinstance(size, int) else 1 for size in shape)
    return Tensor(name, dtype_name(value.type.dtype), sizes, is_fill(value), runs)


def _runs(name: str, seen: Observed) -> int:
    """Those of the innermost body that the tensor is made in."""
    runs = 1
    for around in _prefixes(name.rpartition("/")[0]):
        runs = seen.runs.get(around, runs)
    return max(runs, 1)


def _prefixes(path: str) -> Iterator[str]:
    """The path up to each slash, then all of it."""
    return accumulate(path.split("/"), "{}/{}".format)


@dataclass(frozen=True)
class _Draw:
    prepared: Prepared
    names: Names
    tensors: Mapping[str, Tensor]
    low: Precision
    executor: Executor
    parts: Parts

    def ops(self) -> Iterator[Op]:
        """All ops in order, behind the entrances of what they stand in."""
        bodies = {site.id for site in self.names.sites if site.body is not None}
        entered: set[str] = set()
        for site in self.names.sites:
            around = ""
            for region in _prefixes(site.region) if self.names.called else ():
                function = self.names.called.get(region)
                if function is not None and region not in entered:
                    entered.add(region)
                    yield _call(region, function, around)
                if function is not None or region in bodies:
                    around = region
            yield self._op(site) if site.body is None else self._entrance(site)

    def known(self, values: Iterable[ir.Value]) -> tuple[str, ...]:
        """Names of the values that are tensors."""
        found = (self.names.tensors[v] for v in values if v.name)
        return tuple(name for name in found if name in self.tensors)

    def _entrance(self, site: Site) -> Op:
        """Stands for the border of a body: what it is given is what the op takes."""
        assert site.body is not None
        pairs = [
            (self._slot(given), self.names.tensors[taken])
            for given, taken in zip(
                site.node.inputs, site.body.graph.inputs, strict=False
            )
            if self.names.tensors[taken] in self.tensors
        ]
        return Op(
            id=site.id,
            type=REGION,
            kind=Kind.FIXED,
            inputs=tuple(slot for slot, _ in pairs),
            outputs=tuple(name for _, name in pairs),
            scope=site.node.name or "",
            region=site.region,
            key=site.id,
        )

    def _slot(self, value: ir.Value | None, castable: bool = False) -> Slot:
        name = None if value is None else self.names.tensors.get(value)
        return Slot(name if name in self.tensors else None, castable)

    def _op(self, site: Site) -> Op:
        node, outputs = site.node, self.known(site.node.outputs)
        own = self._kind(node)
        settled_kind, slots = settled(own, self._slots(site), outputs, self.tensors)
        op = Op(
            id=site.id,
            type=node.op_type,
            kind=settled_kind,
            inputs=slots,
            outputs=outputs,
            scope=node.name or "",
            region=site.region,
            flops=self._flops(node, settled_kind, outputs),
            key=site.id,
            growth=growth(node),
            quantized=node in self.parts.int8,
        )
        return absorbing(op, self.prepared.told.absorbed.get(site.id, ()))

    def _kind(self, node: ir.Node) -> Kind:
        if _returns_a_constant(node) or node in self.parts.held:
            return Kind.FIXED
        return Kind.MOVER if node in self.parts.weights else kind(node)

    def _slots(self, site: Site) -> Iterator[Slot]:
        """What the op takes, then what its bodies return."""
        node = site.node
        if is_standard(node) and node.op_type in READS_NO_VALUES:
            yield from (Slot(None, castable=False) for _ in node.inputs)
        elif is_standard(node) and node.op_type in self.executor.indifferent:
            taken = map(self._slot, node.inputs)
            yield from (replace(slot, as_held=True) for slot in taken)
        else:
            yield from map(self._slot, node.inputs, self._castable(node))
        for body in site.inside:
            yield from map(self._slot, body.graph.outputs)

    def _floating(self, value: ir.Value | None) -> bool:
        name = None if value is None else self.names.tensors.get(value)
        tensor = None if name is None else self.tensors.get(name)
        return tensor is not None and tensor.floating

    def _castable(self, node: ir.Node) -> tuple[bool, ...]:
        floats = [self._floating(value) for value in node.inputs]
        known = schemas.of_node(node, self.prepared.model.opset_imports)
        if known is None:
            return (False,) * len(floats)
        return castable(node, known, floats, self.low, self.executor.uniform)

    def _flops(self, node: ir.Node, found: Kind, outputs: tuple[str, ...]) -> int:
        """Counted where the operator contracts, whatever its dtype; else one a value.

        What a custom operator does is unknown: one a value, so that it is mentioned.
        """
        made = [self.tensors[name] for name in outputs]
        if kind(node) is Kind.COMPUTE or contraction(node) is not None:
            shapes = [
                None if value is None else self._shape(value) for value in node.inputs
            ]
            count = flops(node, shapes, [each.shape for each in made])
            return count * max((each.runs for each in made), default=1)
        if found is Kind.POINTWISE or not is_standard(node):
            return sum(each.elements * each.runs for each in made)
        return 0

    def _shape(self, value: ir.Value) -> tuple[int, ...] | None:
        tensor = self.tensors.get(self.names.tensors[value])
        return None if tensor is None else tensor.shape


def _returns_a_constant(node: ir.Node) -> bool:
    """Whether a weight leaves its graph here: it is interface, and nothing is gained."""
    if node.op_type != "Identity" or not is_standard(node):
        return False
    (value,) = node.inputs
    return value is not None and constant(value) is not None


def _call(region: str, function: str, around: str) -> Op:
    """Stands for a function call: a pin on it, or on the function, holds all in it."""
    return Op(
        id=region,
        type=REGION,
        kind=Kind.FIXED,
        inputs=(),
        outputs=(),
        absorbed=(region.removesuffix(f"/{function}"),),
        absorbed_types=(function,),
        region=around,
        key=region,
    )
