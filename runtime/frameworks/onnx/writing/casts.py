"""Each tensor of a model by precision: constants converted, others cast where made."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import onnx_ir as ir

from ....graph.formats import LIMITS
from ....graph.graph import Graph, Precision
from ..ir.naming import Names, constant, is_fill
from ..ir.operators import is_standard
from ..ir.weights import DTYPES, register, rounded_tensor


class Versions:
    """The tensors of a model that is being rewritten.

    A cast stands right behind what makes the tensor, in the graph that makes it, so
    that all bodies around and behind share it.

    Attributes:
        far: Tensors that may be finite in fp32 and beyond the range of 16 bits.
        made: Value → the precision that its op makes it in, where that is not fp32.
        replaced: Constants, and their version in 16 bits.
        passed: The model's own casts, whose source was taken instead.
    """

    def __init__(
        self,
        main: ir.Graph,
        names: Names,
        graph: Graph,
        far: Collection[str] = (),
    ) -> None:
        self.main, self.names, self.graph, self.far = main, names, graph, far
        self.made: dict[ir.Value, Precision] = {}
        self.replaced: list[tuple[ir.Value, ir.Value]] = []
        self.passed: list[ir.Node] = []
        self._ends: dict[float, ir.Value] = {}
        self._versions: dict[tuple[ir.Value, Precision], ir.Value] = {}
        self._last: dict[ir.Node | ir.Graph, ir.Node] = {}
        self._taken = {str(value.name) for value in names.tensors}

    def count(self, value: ir.Value) -> int:
        """How many precisions the value was converted to."""
        return sum((value, p) in self._versions for p in Precision)

    def floating(self, value: ir.Value) -> bool:
        """Whether the value is fp32 in the model that is rewritten."""
        tensor = self.graph.tensors.get(self.names.tensors.get(value, ""))
        return tensor is not None and tensor.floating

    def version(self, value: ir.Value, precision: Precision) -> ir.Value:
        """The value in `precision`, converted once."""
        if precision is self.made.get(value, Precision.FP32):
            return value
        key = (value, precision)
        if key not in self._versions:
            self._versions[key] = (
                self._converted(value, precision)
                or self._before_cast(value, precision)
                or self._cast(value, precision)
            )
        return self._versions[key]

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
            new = self.behind(value, node.op_type, node.inputs, [stored], precision)
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
        source = value
        if precision is not Precision.FP32 and self.names.tensors[value] in self.far:
            source = self._clipped(value, precision)
        return self.behind(value, "Cast", [source], [to], precision)

    def _clipped(self, value: ir.Value, precision: Precision) -> ir.Value:
        """The value within the range of `precision`, for a cast to saturate."""
        end, graph = LIMITS[precision].largest, self.main
        if graph.opset_imports.get("", 1) < 11:
            bounds = [ir.AttrFloat32("min", -end), ir.AttrFloat32("max", end)]
            return self.behind(value, "Clip", [value], bounds, Precision.FP32)
        ends = [self._end(graph, -end), self._end(graph, end)]
        return self.behind(value, "Clip", [value, *ends], [], Precision.FP32)

    def _end(self, graph: ir.Graph, end: float) -> ir.Value:
        if end not in self._ends:
            name = self.named(f"end_{len(self._ends)}")
            tensor = ir.Tensor(np.array(end, np.float32), name=name)
            self._ends[end] = register(graph, tensor)
        return self._ends[end]

    def behind(
        self,
        value: ir.Value,
        operator: str,
        inputs: list[ir.Value | None] | tuple[ir.Value | None, ...],
        attributes: Sequence[ir.Attr],
        precision: Precision,
    ) -> ir.Value:
        """Add a node right behind what makes `value`, or first in its graph."""
        new = self._value(value, precision)
        node = ir.Node(
            "", operator, inputs, attributes, outputs=[new], name=str(new.name)
        )
        self.put_behind(value, node)
        return new

    def put_behind(self, value: ir.Value, node: ir.Node) -> None:
        """Put a node right behind what makes `value`, or first in its graph."""
        producer = value.producer()
        place = value.graph if producer is None else producer
        assert place is not None
        graph = place if producer is None else producer.graph
        assert isinstance(graph, ir.Graph)
        if place in self._last:
            graph.insert_after(self._last[place], node)
        elif producer is None:
            graph.insert_before(next(iter(graph)), node)
        else:
            graph.insert_after(producer, node)
        self._last[place] = node

    def _value(self, value: ir.Value, precision: Precision) -> ir.Value:
        """A new value beside `value`, of its shape."""
        return ir.Value(
            name=self.named(f"{value.name}_{precision}"),
            type=ir.TensorType(DTYPES[precision]),
            shape=None if value.shape is None else value.shape.copy(),
        )

    def named(self, name: str) -> str:
        """The name, or the first free one that begins with it."""
        free, k = name, 0
        while free in self._taken:
            k += 1
            free = f"{name}_{k}"
        self._taken.add(free)
        return free
