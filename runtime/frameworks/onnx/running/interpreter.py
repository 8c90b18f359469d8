"""One fp32 run of a model on a batch, in which every tensor is seen, bodies' too.

It runs in ONNX Runtime without its optimizations, whatever the model is converted for:
that takes every operator, shapes that vary, and single bodies as models. A branch that
the batch skips is run all the same, on what it would have had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir

from ....common.errors import first_line
from ...protocol import Array
from ..ir.naming import Names, constant, is_constant_node
from ..ir.regions import Region, bodies
from ..ir.serialization import Opened
from .carried import carried, is_foreign, type_of
from .given import own_inputs
from .imitation.stand_ins import standing_in
from .ort_session import OrtSession, readable

See = Callable[[str, Array], None]
"""Told each tensor's name and value, as often as it is made."""


Scope = Mapping[str, Array]
"""The values that a graph can name."""


@dataclass
class Observed:
    """What one run showed.

    Attributes:
        values: Tensor → its value when it was first made; constants are left out.
        runs: Region → how often it ran, or was reached (branches); at least once.
        failed: Region → why it could not be run on what it would have had.
        entered: Regions that the batch went into by itself.
    """

    values: dict[str, Array] = field(default_factory=dict)
    runs: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    entered: set[str] = field(default_factory=set)

    @property
    def skipped(self) -> frozenset[str]:
        """Regions that were only run because they were forced."""
        return frozenset(self.runs.keys() - self.entered)


def observe(
    model: ir.Model, names: Names, batch: Sequence[Array], see: See | None = None
) -> Observed:
    """Run a model on a batch and keep what every op makes the first time.

    Raises:
        Exception: ONNX Runtime can't run the model, in its words.
    """
    run = _Run(model, names, see)
    run.main(batch)
    return run.seen


class _Run:
    def __init__(self, model: ir.Model, names: Names, see: See | None) -> None:
        self.model, self.names, self.see = model, names, see
        self.seen = Observed()
        self.forced = 0
        self.sessions: dict[str, _Watched] = {}
        self.graphs = {
            region.graph: region for site in names.sites for region in site.inside
        }

    def main(self, batch: Sequence[Array]) -> None:
        graph = self.model.graph
        scope: dict[str, Any] = {
            str(value.name): value.const_value.numpy()
            for value in graph.inputs
            if value.const_value is not None
        }
        given = zip(own_inputs(self.model), batch, strict=True)
        scope.update((str(value.name), each) for value, each in given)
        self._run(Region("", graph), scope, {})

    def _run(self, region: Region, formal: Scope, outer: Scope) -> list[Any]:
        """Run a graph, show what it makes, and go through the bodies in it."""
        self.seen.runs[region.id] = self.seen.runs.get(region.id, 0) + 1
        if not self.forced:
            self.seen.entered.add(region.id)
        if region.id not in self.sessions:
            self.sessions[region.id] = _Watched(self.model, region, self.graphs)
        watched = self.sessions[region.id]
        scope = {**outer, **formal, **watched.constants}
        made = watched.run(scope)
        scope.update(made)
        for value in (*region.graph.inputs, *watched.made):
            array = scope.get(str(value.name))
            if isinstance(array, np.ndarray):
                self._show(self.names.tensors[value], array)
        for node, inner in watched.control_flow:
            self._body(node, inner, scope)
        return [scope[str(value.name)] for value in region.graph.outputs]

    def _show(self, name: str, value: Array) -> None:
        self.seen.values.setdefault(name, value)
        if self.see is not None:
            self.see(name, value)

    def _body(self, node: ir.Node, inner: Sequence[Region], scope: Scope) -> None:
        given = [None if v is None else scope[str(v.name)] for v in node.inputs]
        match node.op_type:
            case "If":
                self._branches(inner, given[0], scope)
            case "Loop":
                self._loop(inner[0], given, scope)
            case "Scan":
                self._scan(node, inner[0], given, scope)

    def _branches(self, inner: Sequence[Region], given: Any, scope: Scope) -> None:
        taken = "then_branch" if np.asarray(given).reshape(-1)[0] else "else_branch"
        for region in inner:
            if region.id.endswith(f"/{taken}"):
                self._run(region, {}, scope)
            else:
                self._force(region, {}, scope)

    def _force(self, region: Region, formal: Scope, scope: Scope) -> None:
        """Run a body that the batch does not go into; what it does there is data."""
        self.forced += 1
        try:
            self._run(region, formal, scope)
        except Exception as error:  # its operands may be another branch's
            self.seen.failed.setdefault(region.id, first_line(error))
        finally:
            self.forced -= 1

    def _loop(self, region: Region, given: Sequence[Any], scope: Scope) -> None:
        most, go, *carried = given
        inputs = [str(value.name) for value in region.graph.inputs]
        number, condition = 0, True if go is None else bool(np.asarray(go).all())
        limit = None if most is None else int(np.asarray(most).reshape(-1)[0])
        while condition and (limit is None or number < limit):
            state = [np.array(number, np.int64), np.array(True), *carried]
            formal = dict(zip(inputs, state, strict=True))
            results = self._run(region, formal, scope)
            condition = bool(np.asarray(results[0]).all())
            carried = results[1 : 1 + len(carried)]
            number += 1
        if not number:
            state = [np.array(0, np.int64), np.array(True), *carried]
            self._force(region, dict(zip(inputs, state, strict=True)), scope)

    def _scan(
        self, node: ir.Node, region: Region, given: Sequence[Any], scope: Scope
    ) -> None:
        count = node.attributes.get_int("num_scan_inputs", 0) or 0
        start = len(given) - count
        axes = node.attributes.get_ints("scan_input_axes", [0] * count)
        backward = node.attributes.get_ints("scan_input_directions", [0] * count)
        inputs = [str(value.name) for value in region.graph.inputs]
        carried = list(given[:start])
        steps = given[start].shape[axes[0]]
        for step in range(steps):
            slices = [
                np.take(each, steps - 1 - step if back else step, axis)
                for each, axis, back in zip(given[start:], axes, backward, strict=True)
            ]
            formal = dict(zip(inputs, [*carried, *slices], strict=True))
            results = self._run(region, formal, scope)
            carried = results[:start]


class _Watched:
    """A graph as a model of its own: it takes what it captures, returns all it makes.

    Attributes:
        made: The values that it returns.
        constants: Values of constants that its outputs, or bodies inside, name.
        control_flow: Its nodes that run bodies, with these.
    """

    def __init__(
        self, model: ir.Model, region: Region, regions: Mapping[ir.Graph, Region]
    ) -> None:
        graph = region.graph
        self.model, self.graph = model, graph
        self.session: OrtSession | None = None
        self.foreign: dict[str, ir.DataType] = {}
        self.control_flow: list[tuple[ir.Node, list[Region]]] = []
        self.made = list(_made(graph))
        named = set(graph.outputs)
        for node in graph:
            inner = [body for _, body in bodies(node)]
            if inner:
                named.update(value for value in node.inputs if value is not None)
            for body in inner:
                named.update(captured(body))
            if inner and all(body in regions for body in inner):
                self.control_flow.append((node, [regions[body] for body in inner]))
        self.constants: dict[str, Array] = {}
        for value in named:
            tensor = constant(value)
            if tensor is not None:
                self.constants[str(value.name)] = tensor.numpy()
        self.taken = list(dict.fromkeys([*graph.inputs, *captured(graph)]))

    def run(self, scope: Scope) -> dict[str, Any]:
        """What the nodes make, from what stands around them."""
        if self.session is None:
            self.session = self._opened(readable(standing_in(self._model(scope))))
        feeds = {name: scope[name] for name in self.session.names}
        found = dict(zip(self.session.outputs, self.session.run(feeds), strict=True))
        for name, dtype in self.foreign.items():
            found[name] = found[name].astype(dtype.numpy())
        return found

    def _opened(self, model: ir.Model) -> OrtSession:
        """A session that returns each tensor in a type that NumPy has."""
        session = OrtSession(Opened(model), optimized=False)
        types = {name: type_of(text) for name, text in session.types.items()}
        types |= {
            str(value.name): value.dtype
            for value in self.made
            if isinstance(value.type, ir.TensorType)
        }
        self.foreign = {n: d for n, d in types.items() if d and is_foreign(d)}
        wider = carried(model, session.types)
        return session if wider is model else OrtSession(Opened(wider), optimized=False)

    def _model(self, scope: Scope) -> ir.Model:
        if self.graph is self.model.graph:
            copy = self.model.clone()
            known = {value.name: value for value in _made(copy.graph)}
            copy.graph.outputs[:] = [known[value.name] for value in self.made]
            return copy
        proto = onnx.ModelProto(ir_version=self.model.ir_version)
        proto.graph.CopyFrom(ir.to_proto(self.graph))
        for domain, version in self.model.opset_imports.items():
            proto.opset_import.add(domain=domain, version=version)
        del proto.graph.input[:], proto.graph.output[:]
        for value in self.taken:
            held = scope[str(value.name)]
            given = proto.graph.input.add(name=value.name)
            given.type.CopyFrom(_type_of(value, held))
        for value in self.made:
            proto.graph.output.add(name=value.name)
        return ir.from_proto(proto)


def _type_of(value: ir.Value, held: Any) -> onnx.TypeProto:
    """The type of what a body is given: an array, or else what the value says it is."""
    if isinstance(held, np.ndarray):
        dtype = ir.DataType.from_numpy(held.dtype)
        return onnx.helper.make_tensor_type_proto(int(dtype), None)
    if value.type is not None:
        return ir.serde.serialize_type(value.type)
    first = held[0] if isinstance(held, list) and held else np.zeros(0, np.float32)
    return onnx.helper.make_sequence_type_proto(_type_of(value, first))


def _made(graph: ir.Graph) -> Iterator[ir.Value]:
    """What the nodes of a graph make, but for constants."""
    for node in graph:
        if not is_constant_node(node):
            yield from (value for value in node.outputs if value.name)


def captured(graph: ir.Graph, known: Set[ir.Value] = frozenset()) -> Iterator[ir.Value]:
    """The values of graphs around that a graph reads, in its bodies too."""
    inside = {*known, *graph.inputs, *graph.initializers.values()}
    for node in graph:
        for value in node.inputs:
            if value is not None and value not in inside:
                yield value
        for _, body in bodies(node):
            yield from captured(body, inside)
        inside.update(node.outputs)
    for value in graph.outputs:
        if value not in inside:
            yield value
