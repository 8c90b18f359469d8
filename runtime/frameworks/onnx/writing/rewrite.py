"""A placement becomes a new model: constants cast offline, one Cast per tensor and type.

Time is linear in the number of nodes.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

import onnx_ir as ir

from ....graph.graph import Graph, Op, Placement, Precision
from ..ir.inline import Calls
from ..ir.naming import Names, Site, name_all
from ..ir.operators import is_standard
from ..ir.weights import DTYPES, within_attributes
from .casts import Versions
from .int8.candidate import Candidate
from .int8.integral import Integral
from .int8.opset import least, raised
from .int8.pooled import quantized_before
from .int8.quantized import NOTHING, Quantized


def rewrite(
    model: ir.Model,
    calls: Calls,
    graph: Graph,
    placement: Placement,
    far: Collection[str] = (),
    int8: Quantized = NOTHING,
) -> ir.Model:
    """Copy a prepared model with every op in its precision.

    Args:
        model: Left as it is; the copy shares its tensors.
        graph: The picture of it.
        far: Tensors that may be finite in fp32 and beyond the range of 16 bits.
        int8: What ops in int8 take.

    Raises:
        PlanError: An op is to be int8 for which there are no scales.
    """
    int8.check(placement)
    with uncollected():
        copy = model.clone()
        copy.meta.update(model.meta)
        writer = _Writer(copy.graph, name_all(copy, calls), graph, placement, far, int8)
        writer.take_inputs(copy.graph)
        for site in writer.names.ops:
            writer.place(site)
        writer.round_outputs()
        for each in copy.graphs():
            writer.give_outputs(each, graph.returned if each is copy.graph else {})
        writer.drop_unused()
        if Precision.INT8 in placement.values():
            raised(copy, least(writer.in_int8.values()))
            quantized_before(copy.graph)
    return copy


@contextmanager
def uncollected() -> Iterator[None]:
    """All that is made is kept: looking for garbage in it would take most of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Writer:
    """The copy while it changes."""

    def __init__(
        self,
        main: ir.Graph,
        names: Names,
        graph: Graph,
        placement: Placement,
        far: Collection[str],
        int8: Quantized,
    ) -> None:
        self.names, self.graph, self.placement = names, graph, placement
        self.versions = Versions(main, names, graph, far)
        self.integral = Integral(self.versions, int8)

    def take_inputs(self, main: ir.Graph) -> None:
        """Let the model take 16 bits where that is freed."""
        for value in main.inputs:
            given = self.graph.given.get(self.names.tensors.get(value, ""))
            if given is not None:
                self.versions.made[value] = given
                value.type = ir.TensorType(DTYPES[given])

    def place(self, site: Site) -> None:
        """Give a node its inputs in the precision that it takes them in."""
        op, node = self.graph.by_id[site.id], site.node
        self._make(op, node)
        if is_standard(node) and node.op_type == "Cast":
            return  # a value that was rounded and widened again is what was rounded
        precision = self.placement.get(op.id, Precision.FP32)
        if precision is Precision.INT8:
            self.integral.write(op, node)
            return
        within_attributes(node, precision)
        for k, value in enumerate(node.inputs):
            if value is None or not self.versions.floating(value):
                continue
            slot = op.inputs[k]
            if slot.tensor is None or slot.as_held:
                continue
            wanted = precision if slot.castable else Precision.FP32
            node.replace_input_with(k, self.versions.version(value, wanted))

    def _make(self, op: Op, node: ir.Node) -> None:
        kernel = op.kernel(self.placement.get(op.id, Precision.FP32))
        output = kernel.output if kernel else Precision.FP32
        for value in node.outputs if output is not Precision.FP32 else ():
            if value.name and self.versions.floating(value):
                self.versions.made[value] = output
                value.type = ir.TensorType(DTYPES[output])

    def round_outputs(self) -> None:
        """Quantize what int8 ops make, where their kernels want that."""
        values = {name: value for value, name in self.names.tensors.items()}
        for candidate in self.in_int8.values():
            made = [values[name] for name in candidate.rounded]
            last = [value for value in made if value not in self.versions.made][-1:]
            for value in last:
                self.integral.read_instead(value, self.integral.rounded(value))

    @property
    def in_int8(self) -> dict[str, Candidate]:
        """Of the ops that can be in int8 those that are."""
        ops = self.integral.quantized.ops
        return {
            op: each
            for op, each in ops.items()
            if self.placement.get(op) is Precision.INT8
        }

    def give_outputs(self, graph: ir.Graph, returned: Mapping[str, Precision]) -> None:
        """Let a graph return fp32, or what is freed, under the names that it returned.

        Args:
            returned: Tensor → the 16 bits that it is returned in.
        """
        for k, value in enumerate(graph.outputs):
            wanted = returned.get(self.names.tensors.get(value, ""), Precision.FP32)
            made = self.versions.made.get(value, Precision.FP32)
            if made is wanted:
                continue
            cast = self.versions.version(value, wanted)
            producer = value.producer()
            if producer is not None and producer.graph is graph:
                name = str(value.name)
                if cast.name != name:
                    own = "narrow" if wanted is Precision.FP32 else "wide"
                    value.name = self.versions.named(f"{name}_{own}")
                    cast.name = name
            graph.outputs[k] = cast

    def drop_unused(self) -> None:
        """Take away what nothing reads; a constant's only version has its name."""
        for old, new in self.versions.replaced:
            if old.uses() or old.is_graph_output():
                continue
            name, node, graph = old.name, old.producer(), old.graph
            assert graph is not None
            if node is None:
                del graph.initializers[name]
            else:
                graph.remove(node)
            if self.versions.count(old) == 1:
                new.name = name
        self.integral.drop_unused()
        for node in self.versions.passed:
            (value,) = node.outputs
            if node.graph is not None and not (value.uses() or value.is_graph_output()):
                node.graph.remove(node, safe=True)
