"""One model in which every op can be low: a mask says, at each run, which ones are.

Each op that has a 16-bit kernel stands there twice, in fp32 and in 16 bits between
casts, and what it makes is chosen by its place in the mask. So a runtime compiles once
what it would else compile for each group of ops, and runs its own kernels on its own
casts: OpenVINO's round differently where shapes vary. (In an `If` they would, too, and
the graph would fall apart; ONNX Runtime computes both sides in less than compiling
takes.) The choice is a `Where`, which lets nothing of the other side through, not even
what is not finite.

A low op behind a low op takes what was rounded, widened and rounded again, which is
what was rounded. Weights are there in both precisions: half as much again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from ....graph.graph import Graph, Op, Precision
from ..ir.inline import Calls
from ..ir.naming import Names, name_all
from ..ir.weights import DTYPES, register, within_attributes
from ..writing.casts import Versions
from ..writing.int8.integral import Integral
from ..writing.int8.opset import least, raised
from ..writing.int8.quantized import NOTHING, Quantized
from ..writing.rewrite import uncollected

MASK = "narrowcast.low"
"""Name of the last input: which ops are low."""

MOST = 1 << 30
"""Bytes of weights up to which a model is there twice: it takes as much memory again.

A fixed number, whatever the memory is: else a search would not repeat itself.
"""


@dataclass(frozen=True)
class Switched:
    """A model with switches.

    Attributes:
        model: Its last input is the mask (bool, one value an op).
        places: Op id → place in the mask.
    """

    model: ir.Model
    places: Mapping[str, int]

    def mask(self, low: Sequence[str]) -> npt.NDArray[np.bool_]:
        """The mask under which these ops are low."""
        found = np.zeros(max(len(self.places), 1), np.bool_)
        found[[self.places[name] for name in low]] = True
        return found


def switched(
    model: ir.Model,
    calls: Calls,
    graph: Graph,
    precision: Precision,
    far: Collection[str] = (),
    int8: Quantized = NOTHING,
) -> Switched:
    """Copy a prepared model; whatever has a kernel for `precision` has a switch.

    Args:
        model: Left as it is; the copy shares its tensors.
        graph: The picture of it.
        far, int8: As `rewrite` has them.
    """
    with uncollected():
        copy = model.clone()
        names = name_all(copy, calls)
        sites = [s for s in names.ops if graph.by_id[s.id].kernel(precision)]
        places = {site.id: place for place, site in enumerate(sites)}
        doubler = _Doubler(copy.graph, names, graph, precision, len(sites), far, int8)
        for place, site in enumerate(sites):
            doubler.double(graph.by_id[site.id], site.node, place)
        if precision is Precision.INT8:
            doubler.round_outputs()
            raised(copy, least(int8.ops.values()))
    return Switched(copy, places)


@dataclass
class _Doubler:
    """The copy while it changes."""

    main: ir.Graph
    names: Names
    graph: Graph
    precision: Precision
    count: int
    far: Collection[str]
    int8: Quantized
    switches: dict[str, ir.Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.versions = Versions(self.main, self.names, self.graph, self.far)
        self.integral = Integral(self.versions, self.int8)
        self.mask = ir.Value(
            name=self.versions.named(MASK),
            type=ir.TensorType(ir.DataType.BOOL),
            shape=ir.Shape((max(self.count, 1),)),
        )
        self.first = next(iter(self.main), None)
        self.main.inputs.append(self.mask)

    def double(self, op: Op, node: ir.Node, place: int) -> None:
        """Put the op in 16 bits beside the one in fp32, and choose what they make."""
        graph = node.graph
        assert isinstance(graph, ir.Graph)
        low = self._low(op, node)
        graph.insert_after(node, low)
        if self.precision is Precision.INT8:
            self.integral.write(op, low)
        last, chosen = low, self._switch(place)
        self.switches[op.id] = chosen
        for value, narrow in zip(node.outputs, low.outputs, strict=True):
            if not value.name:
                continue
            if narrow.dtype in (DTYPES[Precision.BF16], DTYPES[Precision.FP16]):
                wide = self._beside(value, "wide", ir.DataType.FLOAT)
                to = ir.AttrInt64("to", ir.DataType.FLOAT.value)
                last = self._behind(last, "Cast", [narrow], wide, to)
                narrow = wide
            made = self._beside(value, "chosen", value.dtype)
            self.names.tensors[made] = self.names.tensors[value]
            value.replace_all_uses_with(made, replace_graph_outputs=True)
            last = self._behind(last, "Where", [chosen, narrow, value], made)

    def round_outputs(self) -> None:
        """Choose what is rounded where an int8 kernel makes integers."""
        values = {name: value for value, name in self.names.tensors.items()}
        for op, chosen in self.switches.items():
            for name in self.int8.ops[op].rounded[-1:]:
                value = values[name]
                rounded = self.integral.rounded(value)
                made = self._beside(value, "rounded", value.dtype)
                producer = rounded.producer()
                assert producer is not None
                choice = self._behind(producer, "Where", [chosen, rounded, value], made)
                self.integral.read_instead(value, made, [choice])

    def _low(self, op: Op, node: ir.Node) -> ir.Node:
        kernel = op.kernel(self.precision)
        assert kernel is not None
        given = self._given(op, node)
        made = []
        for value in node.outputs:
            dtype = value.dtype
            if self.versions.floating(value):
                dtype = DTYPES[kernel.output]
            made.append(
                self._beside(value, "low", dtype) if value.name else ir.Value(name="")
            )
        low = ir.Node(
            node.domain,
            node.op_type,
            given,
            list(node.attributes.values()),
            outputs=made,
            name=str(next(value.name for value in made if value.name)),
        )
        within_attributes(low, self.precision)
        return low

    def _given(self, op: Op, node: ir.Node) -> list[ir.Value | None]:
        if self.precision is Precision.INT8:
            return list(node.inputs)
        return [
            self.versions.version(value, self.precision)
            if value is not None
            and op.inputs[k].castable
            and self.versions.floating(value)
            else value
            for k, value in enumerate(node.inputs)
        ]

    def _switch(self, place: int) -> ir.Value:
        """Whether the op is low: a scalar, in the main graph, for all bodies."""
        name = self.versions.named(f"{MASK}.place{place}")
        index = register(self.main, ir.Tensor(np.array(place, np.int64), name=name))
        found = ir.Value(
            name=self.versions.named(f"{MASK}{place}"),
            type=ir.TensorType(ir.DataType.BOOL),
            shape=ir.Shape(()),
        )
        node = ir.Node(
            "", "Gather", [self.mask, index], outputs=[found], name=str(found.name)
        )
        assert self.first is not None
        self.main.insert_before(self.first, node)
        return found

    def _beside(
        self, value: ir.Value, suffix: str, dtype: ir.DataType | None
    ) -> ir.Value:
        return ir.Value(
            name=self.versions.named(f"{value.name}.{suffix}"),
            type=None if dtype is None else ir.TensorType(dtype),
            shape=None if value.shape is None else value.shape.copy(),
        )

    def _behind(
        self,
        last: ir.Node,
        operator: str,
        inputs: Sequence[ir.Value],
        made: ir.Value,
        *attributes: ir.Attr,
    ) -> ir.Node:
        node = ir.Node(
            "", operator, inputs, attributes, outputs=[made], name=str(made.name)
        )
        assert isinstance(last.graph, ir.Graph)
        last.graph.insert_after(last, node)
        return node
