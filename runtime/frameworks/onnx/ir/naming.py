"""What ops, tensors and regions are called (docs/graph.md).

An op is its first output's name. In a body that follows the region's name, which is
`op/attribute` (`y/then_branch`); a function's is `call/function`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import onnx_ir as ir

from ...feeding.dtypes import STRING
from .inline import Calls
from .operators import is_standard
from .regions import Region, bodies, is_control_flow


@dataclass(frozen=True, slots=True)
class Site:
    """An op's node, or a body's entrance, and where it stands.

    Attributes:
        node: The op's; of an entrance: the op that runs the body.
        id: The op's, or the region's.
        region: Body or function call that it stands in, "" at the top.
        body: The body whose entrance it is, None for an op.
        inside: The bodies that the op runs.
    """

    node: ir.Node
    id: str
    region: str
    body: Region | None = None
    inside: tuple[Region, ...] = ()


@dataclass(frozen=True)
class Names:
    """A model's ops in order, a body's before the op that runs it, and its tensors.

    Attributes:
        sites: All nodes but constants, and the bodies' entrances.
        tensors: Value → name of the tensor.
        called: Region of a function call → the function's name.
    """

    sites: tuple[Site, ...]
    tensors: dict[ir.Value, str]
    called: dict[str, str]

    @property
    def ops(self) -> Iterator[Site]:
        return (site for site in self.sites if site.body is None)


def name_all(model: ir.Model, calls: Calls) -> Names:
    """Name everything in a model that `plain` made."""
    namer = _Namer(calls)
    return Names(tuple(namer.sites(model.graph, "", "")), namer.tensors, namer.called)


def is_constant_node(node: ir.Node) -> bool:
    """Whether the node is a constant tensor and no op."""
    return (
        node.op_type == "Constant"
        and is_standard(node)
        and "sparse_value" not in node.attributes
    )


@dataclass(frozen=True)
class _Namer:
    calls: Calls
    tensors: dict[ir.Value, str] = field(default_factory=dict)
    called: dict[str, str] = field(default_factory=dict)

    def sites(self, graph: ir.Graph, body: str, call: str) -> Iterator[Site]:
        """The sites of a graph in order, those in bodies before the op that runs them.

        Args:
            body: The innermost body around, "" at the top.
            call: The call that this body stands in: its values' names begin with it.
        """
        for value in (*graph.inputs, *graph.initializers.values()):
            self.tensors[value] = _within(body, str(value.name), call)
        for node in graph:
            made = [value for value in node.outputs if value.name]
            for value in made:
                self.tensors[value] = _within(body, str(value.name), call)
            if is_constant_node(node) or not made:
                continue
            id_, own = self.tensors[made[0]], self.calls.region(str(made[0].name))
            region = body if own == call and body else _within(body, own, call)
            self._note_calls(own, call, body)
            inside: tuple[Region, ...] = ()
            if is_control_flow(node):
                inside = tuple(Region(f"{id_}/{a}", inner) for a, inner in bodies(node))
            for each in inside:
                yield Site(node, each.id, region, body=each)
                yield from self.sites(each.graph, each.id, own)
            yield Site(node, id_, region, inside=inside)

    def _note_calls(self, own: str, call: str, body: str) -> None:
        """Remember the calls between a body and an op in it."""
        while own not in ("", call):
            self.called.setdefault(_within(body, own, call), self.calls.functions[own])
            own = self.calls.around[own]


def _within(body: str, name: str, call: str) -> str:
    return f"{body}/{name.removeprefix(f'{call}/')}" if body else name


def dtype_name(dtype: ir.DataType) -> str:
    """NumPy's name of an ONNX type."""
    return "str" if dtype == ir.DataType.STRING else str(dtype.numpy().name)


def spelled(dtype: ir.DataType) -> str:
    """The name of an input's ONNX type, as specs have it."""
    return STRING if dtype == ir.DataType.STRING else dtype_name(dtype)


def is_fill(value: ir.Value) -> bool:
    """Whether an op repeats one value, which it can do in any precision."""
    node = value.producer()
    return node is not None and is_standard(node) and node.op_type == "ConstantOfShape"


def constant(value: ir.Value) -> ir.TensorProtocol | None:
    """The tensor of an initializer, or of a Constant node's output; None for others.

    An input that has a default is no constant: who runs the model may give another.
    """
    if value.is_initializer():
        return None if value.is_graph_input() else value.const_value
    node = value.producer()
    if node is None or not is_constant_node(node):
        return None
    return ir.convenience.get_const_tensor(value)
