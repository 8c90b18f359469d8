"""A placement becomes a new model: constants cast offline, one Cast per tensor and type.

A cast stands right behind what makes the tensor, in the graph that makes it, so that
all bodies around and behind share it. Time is linear in the number of nodes.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import onnx_ir as ir

from ...graph import Graph, Op, Placement, Precision
from .naming import Names, Site, name_all
from .observing import constant
from .operators import READS_NO_VALUES, is_standard
from .picture import is_fill
from .plain import Calls
from .weights import DTYPES, rounded_tensor


def rewrite(
    model: ir.Model, calls: Calls, graph: Graph, placement: Placement
) -> ir.Model:
    """Copy a prepared model with every op in its precision.

    Args:
        model: Left as it is; the copy shares its tensors.
        graph: The picture of it.
    """
    with _uncollected():
        copy = model.clone()
        copy.meta.update(model.meta)
        writer = _Writer(name_all(copy, calls), graph, placement)
        for site in writer.names.ops:
            writer.place(site)
        for each in copy.graphs():
            writer.widen_outputs(each)
        writer.drop_unused()
    return copy


@contextmanager
def _uncollected() -> Iterator[None]:
    """All that is made is kept: looking for garbage in it would take most of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Writer:
    """The copy while it changes; `versions` holds each tensor by precision."""

    def __init__(self, names: Names, graph: Graph, placement: Placement) -> None:
        self.names, self.graph, self.placement = names, graph, placement
        self.made: dict[ir.Value, Precision] = {}
        self.versions: dict[tuple[ir.Value, Precision], ir.Value] = {}
        self.last: dict[ir.Node | ir.Graph, ir.Node] = {}
        self.replaced: list[tuple[ir.Value, ir.Value]] = []
        self.passed: list[ir.Node] = []
        self.taken = {str(value.name) for value in names.tensors}

    def place(self, site: Site) -> None:
        """Give a node its inputs in the precision that it takes them in."""
        op, node = self.graph.by_id[site.id], site.node
        self._make(op, node)
        if is_standard(node) and (
            node.op_type in READS_NO_VALUES or node.op_type == "Cast"
        ):
            return  # a value that was rounded and widened again is what was rounded
        precision = self.placement.get(op.id, Precision.FP32)
        for k, value in enumerate(node.inputs):
            if value is None or not self._floating(value):
                continue
            wanted = precision if op.inputs[k].castable else Precision.FP32
            node.replace_input_with(k, self._version(value, wanted))

    def _make(self, op: Op, node: ir.Node) -> None:
        kernel = op.kernel(self.placement.get(op.id, Precision.FP32))
        output = kernel.output if kernel else Precision.FP32
        for value in node.outputs if output is not Precision.FP32 else ():
            if value.name and self._floating(value):
                self.made[value] = output
                value.type = ir.TensorType(DTYPES[output])

    def widen_outputs(self, graph: ir.Graph) -> None:
        """Let a graph return fp32, under the names that it returned."""
        for k, value in enumerate(graph.outputs):
            if self.made.get(value, Precision.FP32) is Precision.FP32:
                continue
            wide = self._version(value, Precision.FP32)
            producer = value.producer()
            if producer is not None and producer.graph is graph:
                name = str(value.name)
                if wide.name != name:
                    value.name, wide.name = self._named(f"{name}_narrow"), name
            graph.outputs[k] = wide

    def drop_unused(self) -> None:
        """Take away what nothing reads; a constant's only version has its name."""
        for old, new in self.replaced:
            if old.uses() or old.is_graph_output():
                continue
            name, node, graph = old.name, old.producer(), old.graph
            assert graph is not None
            if node is None:
                del graph.initializers[name]
            else:
                graph.remove(node)
            if self.versions_of(old) == 1:
                new.name = name
        for node in self.passed:
            (value,) = node.outputs
            if node.graph is not None and not (value.uses() or value.is_graph_output()):
                node.graph.remove(node, safe=True)

    def versions_of(self, value: ir.Value) -> int:
        return sum((value, p) in self.versions for p in Precision)

    def _floating(self, value: ir.Value) -> bool:
        tensor = self.graph.tensors.get(self.names.tensors.get(value, ""))
        return tensor is not None and tensor.floating

    def _version(self, value: ir.Value, precision: Precision) -> ir.Value:
        """The value in `precision`, converted once."""
        if precision is self.made.get(value, Precision.FP32):
            return value
        key = (value, precision)
        if key not in self.versions:
            self.versions[key] = (
                self._converted(value, precision)
                or self._before_cast(value, precision)
                or self._cast(value, precision)
            )
        return self.versions[key]

    def _converted(self, value: ir.Value, precision: Precision) -> ir.Value | None:
        """A constant, or what repeats one, in `precision`."""
        tensor, node = constant(value), value.producer()
        if tensor is None and not is_fill(value):
            return None
        if node is None:
            assert tensor is not None and value.graph is not None
            new = self._value(value, precision)
            new.const_value = rounded_tensor(tensor, precision)
            value.graph.register_initializer(new)
        else:
            filled = node.attributes.get("value")
            if tensor is None:
                tensor = filled.as_tensor() if filled else ir.tensor([0.0])
            stored = ir.AttrTensor("value", rounded_tensor(tensor, precision))
            new = self._behind(value, node.op_type, node.inputs, stored, precision)
        self.replaced.append((value, new))
        return new

    def _before_cast(self, value: ir.Value, precision: Precision) -> ir.Value | None:
        """What the model itself widened, if it was in `precision`."""
        node = value.producer()
        if node is None or node.op_type != "Cast" or not is_standard(node):
            return None
        (source,) = node.inputs
        if source is None or self.names.tensors.get(source) not in self.graph.tensors:
            return None
        if self.graph.tensors[self.names.tensors[source]].dtype != precision.dtype:
            return None
        self.passed.append(node)
        return source

    def _cast(self, value: ir.Value, precision: Precision) -> ir.Value:
        to = ir.AttrInt64("to", DTYPES[precision].value)
        return self._behind(value, "Cast", [value], to, precision)

    def _behind(
        self,
        value: ir.Value,
        operator: str,
        inputs: list[ir.Value | None] | tuple[ir.Value | None, ...],
        attribute: ir.Attr,
        precision: Precision,
    ) -> ir.Value:
        """Add a node right behind what makes `value`, or first in its graph."""
        new = self._value(value, precision)
        node = ir.Node(
            "", operator, inputs, [attribute], outputs=[new], name=str(new.name)
        )
        producer = value.producer()
        place = value.graph if producer is None else producer
        assert place is not None
        graph = place if producer is None else producer.graph
        assert isinstance(graph, ir.Graph)
        if place in self.last:
            graph.insert_after(self.last[place], node)
        elif producer is None:
            graph.insert_before(next(iter(graph)), node)
        else:
            graph.insert_after(producer, node)
        self.last[place] = node
        return new

    def _value(self, value: ir.Value, precision: Precision) -> ir.Value:
        """A new value beside `value`, of its shape."""
        return ir.Value(
            name=self._named(f"{value.name}_{precision}"),
            type=ir.TensorType(DTYPES[precision]),
            shape=None if value.shape is None else value.shape.copy(),
        )

    def _named(self, name: str) -> str:
        """The name, or the first free one that begins with it."""
        free, k = name, 0
        while free in self.taken:
            k += 1
            free = f"{name}_{k}"
        self.taken.add(free)
        return free
