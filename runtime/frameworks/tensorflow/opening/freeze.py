"""Variables made constants, everywhere in a model: what is written stays a variable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ....common.errors import ModelError
from ...protocol import Array
from ..bodies.bodies import MAIN, Bodies, Body, Return, joined, rewired, split
from ..bodies.inline import inline_calls, unused
from ..bodies.reachable import drop_dead, reached
from ..bodies.variables import HANDLES, PASSES, VARIABLES, Flow, flow
from ..ir.frozen import Freezable, Frozen, Signature
from ..ir.naming import data, flat, parsed, waits
from ..ir.protos import NodeDef, copied, types
from ..ir.regions import BRANCHES, LOOPS
from ..ir.schemas import completed
from ..ir.weights import constant
from .hash_tables import filled_tables

LARGEST = 1_500_000_000
"""Bytes of variables that a GraphDef may hold as constants; it can't exceed 2 GB."""

SMALL = 1 << 16
"""Bytes of a variable that is made a constant all the same."""


def frozen(model: Freezable, largest: int = LARGEST) -> Frozen:
    """The model's graph without calls and without variables that nothing writes.

    Args:
        largest: Bytes of variables above which they are left out of the graph.

    Raises:
        ModelError: A variable has no value.
    """
    graph = split(model.graph_def)
    main = graph[MAIN]
    for signature in model.signatures:
        for each in signature.outputs:
            main.returns.append(Return(each.name, each.tensor, 0))
    main.controls = {name: name for name in model.initial}
    graph = inline_calls(graph)
    main = graph[MAIN]
    signatures = _returned(model.signatures, main)
    known = flow(graph)
    weights = Weights(model, frozenset(_large(model, known, largest)))
    tables = filled_tables(model, main)
    main.controls = {}
    _freeze(graph, known, weights)
    initial = [*tables, *_written(main, known, weights)]
    main.controls = {name: name for name in initial}
    drop_dead(graph, signatures)
    for body in graph.values():
        body.nodes = {name: completed(node) for name, node in body.nodes.items()}
    return Frozen(
        joined(reached(graph), model.graph_def.versions),
        tuple(each.indexed() for each in signatures),
        weights=weights,
        tags=model.tags,
        initial=tuple(name for name in initial if name in main.nodes),
    )


@dataclass(frozen=True)
class Weights(Mapping[str, Array]):
    """Values of the variables that are too large for the graph, read when needed."""

    model: Freezable
    names: frozenset[str]

    def __getitem__(self, name: str) -> Array:
        if name not in self.names:
            raise KeyError(name)
        return self.model.value(name)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.names))

    def __len__(self) -> int:
        return len(self.names)


def _returned(signatures: tuple[Signature, ...], main: Body) -> tuple[Signature, ...]:
    """The signatures with the tensors that their outputs have become."""
    tensors = iter(main.returns)
    return tuple(
        replace(
            signature,
            outputs=tuple(
                replace(each, tensor=next(tensors).tensor) for each in signature.outputs
            ),
        )
        for signature in signatures
    )


def _large(model: Freezable, known: Flow, largest: int) -> list[str]:
    if sum(model.bytes.values()) <= largest:
        return []
    return [
        name
        for name, size in model.bytes.items()
        if size > SMALL and name not in known.written
    ]


def _freeze(graph: Bodies, known: Flow, weights: Weights) -> None:
    """Replace variables by constants, and what reads them by what takes a constant."""
    dtypes = {
        name: node.attr["dtype"].type
        for name, node in graph[MAIN].nodes.items()
        if node.op in VARIABLES
    }
    handles = {
        place: dtypes[min(names)]
        for place, names in known.held.items()
        if not names & known.written
    }
    for body in graph.values():
        nodes: dict[str, Any] = {}
        for name, node in body.nodes.items():
            if body.name == MAIN and node.op in VARIABLES:
                made = node if name in known.written else _constant(node, weights)
                nodes[name] = made
            else:
                nodes.update(_read(body, node, handles))
        body.nodes = nodes
        for each in body.returns:
            each.dtype = handles.get((body.name, each.tensor), each.dtype)


def _constant(variable: Any, weights: Weights) -> Any:
    dtype = variable.attr["dtype"].type
    if variable.name not in weights:
        return constant(variable.name, weights.model.value(variable.name), dtype)
    node = NodeDef(name=variable.name, op="Placeholder")
    node.attr["dtype"].type = dtype
    shape = weights.model.value(variable.name).shape
    for size in shape:
        node.attr["shape"].shape.dim.add(size=size)
    return node


def _read(
    body: Body, node: Any, handles: Mapping[tuple[str, str], int]
) -> dict[str, Any]:
    """A node as it is when the handles among its inputs are values."""
    if node.name in body.arguments:
        dtype = handles.get((body.name, node.name))
        return {node.name: node if dtype is None else _argument(node, dtype)}
    found = {
        k: handles[body.name, reference]
        for k, reference in enumerate(data(node))
        if (body.name, reference) in handles
    }
    if not found or not _takes_handles(node, body):
        return {node.name: node}
    return {each.name: each for each in _of_values(node, found, body.nodes)}


def _takes_handles(node: Any, body: Body) -> bool:
    """Whether the handle is taken as one; a reference's value is taken by any op."""
    return node.op in READERS or node.op in PASSES or node.op in BRANCHES | LOOPS


def _argument(node: Any, dtype: int) -> Any:
    made = copied(node)
    made.attr["dtype"].type = dtype
    return made


def _of_values(
    node: Any, found: Mapping[int, int], names: Mapping[str, Any]
) -> list[Any]:
    """The nodes that do to a value what a node does to its handle."""
    if node.op in READERS:
        return READERS[node.op](node, found[0], names)
    made = copied(node)
    if node.op in PASSES:
        made.op = PASSES[node.op]
        made.attr["T"].type = found[0]
        return [made]
    listed, first = ("T", 0) if node.op in LOOPS else ("Tin", 1)
    for k, dtype in found.items():
        made.attr[listed].list.type[k - first] = dtype
    made.attr.pop("_read_only_resource_inputs", None)
    return [made]


def _reading(node: Any, op: str, inputs: Iterable[str], **dtypes: int) -> Any:
    """A node in the place of one that takes a handle."""
    made = NodeDef(name=node.name, op=op, input=inputs)
    for name, dtype in dtypes.items():
        made.attr[name].type = dtype
    return made


def _identity(node: Any, dtype: int, names: Mapping[str, Any]) -> list[Any]:
    return [_reading(node, "Identity", node.input, T=dtype)]


def _gather(node: Any, dtype: int, names: Mapping[str, Any]) -> list[Any]:
    """ResourceGather's axis is its number of batch dimensions."""
    batched = node.attr["batch_dims"].i
    axis = constant(unused(names, f"{node.name}/axis"), batched, types.DT_INT32)
    inputs = [*data(node), axis.name, *(flat(name, -1) for name in waits(node))]
    indices = node.attr["Tindices"].type
    made = _reading(
        node, "GatherV2", inputs, Tparams=dtype, Tindices=indices, Taxis=types.DT_INT32
    )
    made.attr["batch_dims"].i = batched
    return [axis, made]


def _gather_nd(node: Any, dtype: int, names: Mapping[str, Any]) -> list[Any]:
    indices = node.attr["Tindices"].type
    return [_reading(node, "GatherNd", node.input, Tparams=dtype, Tindices=indices)]


def _shape(node: Any, dtype: int, names: Mapping[str, Any]) -> list[Any]:
    made = node.attr["out_type"].type or types.DT_INT32
    return [_reading(node, "Shape", node.input, T=dtype, out_type=made)]


def _true(node: Any, dtype: int, names: Mapping[str, Any]) -> list[Any]:
    return [constant(node.name, True)]


def _nothing(node: Any, dtype: int, names: Mapping[str, Any]) -> list[Any]:
    return [_reading(node, "NoOp", [flat(parsed(node.input[0])[0], -1)])]


READERS = {
    "DisableCopyOnRead": _nothing,
    "IsVariableInitialized": _true,
    "ReadVariableOp": _identity,
    "ResourceGather": _gather,
    "ResourceGatherNd": _gather_nd,
    "VarIsInitializedOp": _true,
    "VariableShape": _shape,
}


def _written(main: Body, known: Flow, weights: Weights) -> list[str]:
    """Have the variables that stay assigned their values once; names of these nodes."""
    found = []
    for name in sorted(known.written):
        node = main.nodes.get(name)
        if node is None:
            raise ModelError(
                f"{weights.model.place}: variable {name} is made inside a function",
                "Make variables outside of tf.function.",
            )
        dtype = node.attr["dtype"].type
        value = constant(
            unused(main.nodes, f"{name}/initial"), weights.model.value(name), dtype
        )
        main.nodes[value.name] = value
        assign = NodeDef(name=unused(main.nodes, f"{name}/assign"))
        assign.op = "AssignVariableOp" if node.op in HANDLES else "Assign"
        assign.attr["dtype" if node.op in HANDLES else "T"].type = dtype
        main.nodes[assign.name] = rewired(assign, [name, value.name])
        found.append(assign.name)
    return found
