"""Opening a frozen GraphDef (`.pb`): its inputs and outputs are named, or inferred."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf import text_format
from google.protobuf.message import DecodeError

from ....common.errors import DamagedError, ModelError
from ....common.suggestion import suggestion
from ...opening.named import not_there
from ..bodies.bodies import split
from ..bodies.inline import inline_calls
from ..bodies.reachable import needed
from ..bodies.variables import variable_nodes
from ..ir.frozen import Endpoint, Signature
from ..ir.naming import flat, parsed
from ..ir.protos import GraphDef, SavedModel
from ..ir.schemas import op_def
from ..ir.schemas import outputs as outputs_of
from .graph_model import GraphModel, refused
from .placeholders import fed
from .signature import name_of, sizes
from .untrusted.graphs import check_graph, check_text_files

PLACEHOLDERS = frozenset(["Placeholder", "PlaceholderV2", "PlaceholderWithDefault"])
NO_OUTPUT = frozenset(["Assert", "Const", "NoOp", *PLACEHOLDERS])
"""Ops of nodes that are no model's output, though nothing takes them."""


def load_frozen_graph(
    path: Path,
    *,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    trust: bool = False,
) -> GraphModel:
    """Open a frozen graph.

    Args:
        path: The `.pb` file.
        inputs: Names of nodes or tensors (`x`, `x:0`), in the model's order; the
            graph's Placeholders if there are none.
        outputs: The same; nodes that no other takes if there are none.
        trust: Take ops that read or write files, run Python, ….

    Raises:
        ModelError: It is missing, damaged, not safe to open, or has no such node.
    """
    place = f"model.path: {path.name}"
    graph_def = parsed_graph(path, place)
    return graph_model(graph_def, place, inputs=inputs, outputs=outputs, trust=trust)


def graph_model(
    graph_def: Any,
    place: str,
    *,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    trust: bool = False,
) -> GraphModel:
    """A frozen graph as a model; the arguments and errors are `load_frozen_graph`'s.

    Args:
        graph_def: It stays as it is.
        place: What messages start with.
    """
    try:
        return _model(graph_def, place, inputs, outputs, trust)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DamagedError(
            f"{place} is damaged: its graph does not fit together ({error!r})",
            "Copy it again, or save it again.",
        ) from error


def _model(
    graph_def: Any,
    place: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    trust: bool,
) -> GraphModel:
    nodes = {node.name: node for node in graph_def.node}
    if len(nodes) < len(graph_def.node):
        raise DamagedError(f"{place} is damaged: two nodes have one name")
    made = [_known(each, nodes, place, "outputs") for each in outputs]
    made = made or _inferred(graph_def, place)
    taken = [_known(each, nodes, place, "inputs") for each in inputs]
    taken = taken or _placeholders(needed(graph_def, made), place)
    signature = Signature(
        "serving_default",
        tuple(_input(nodes, each, place) for each in taken),
        tuple(Endpoint(each.replace(":", "_"), each, "", None) for each in made),
    )
    graph_def, (signature,) = fed(graph_def, (signature,))
    graph_def = needed(graph_def, [each.tensor for each in signature.inputs] + made)
    if not trust:
        check_graph(graph_def, place)
        check_text_files(inline_calls(split(graph_def)), frozenset(), place)
    if variables := variable_nodes(graph_def):
        raise ModelError(
            f"{place} is not frozen: {variables[0]} is a variable, whose value is not "
            "in the file",
            "Give the SavedModel that it comes from, or freeze it.",
        )
    graph = _imported(graph_def, place)
    made_ = tuple(_output(graph, each, place) for each in made)
    return GraphModel(graph_def, (replace(signature, outputs=made_),), place)


def parsed_graph(path: Path, place: str) -> Any:
    """The GraphDef that a file holds.

    Raises:
        ModelError: It is missing, or no GraphDef.
    """
    if path.is_dir():
        raise ModelError(
            f"{place} is a folder, no frozen graph",
            "If saved_model.pb is in it, it is a SavedModel: give the folder as "
            "model.path without `inputs` and `outputs`.",
        )
    found = GraphDef()
    try:
        data = path.read_bytes()
        if path.suffix == ".pbtxt":
            text_format.Parse(data.decode(), found)
        else:
            found.ParseFromString(data)
    except FileNotFoundError as error:
        raise not_there(path, place) from error
    except (DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        raise DamagedError(
            f"{place} is no GraphDef, or cut short", _guess(path, data)
        ) from error
    except OSError as error:
        raise DamagedError(
            f"{place} can't be read: {error.strerror or error}"
        ) from error
    if not found.node:
        raise ModelError(f"{place} holds no graph", _guess(path, data))
    return found


def _guess(path: Path, data: bytes) -> str:
    """What a file may be that is no GraphDef."""
    saved = SavedModel()
    try:
        saved.ParseFromString(data)
    except DecodeError:
        return "Copy it again, or save it again."
    if saved.meta_graphs and saved.meta_graphs[0].graph_def.node:
        return "It is a SavedModel's: give the folder in which it is as model.path."
    return "Copy it again, or save it again."


def _known(name: str, nodes: dict[str, Any], place: str, field: str) -> str:
    """The tensor of a name that the user wrote.

    Raises:
        ModelError: No node has it.
    """
    node, _, index = name.removeprefix("^").partition(":")
    if node not in nodes or (index and not index.isdigit()):
        candidates = _likely(nodes, field)
        raise ModelError(
            f"{place} has no node {name}, which model.{field} names",
            suggestion(node, nodes if _near(node, nodes) else candidates),
        )
    return flat(node, int(index or 0))


def _near(name: str, nodes: Iterable[str]) -> bool:
    return suggestion(name, nodes).startswith("Did")


def _likely(nodes: dict[str, Any], field: str) -> list[str]:
    if field == "inputs":
        found = [name for name, node in nodes.items() if node.op in PLACEHOLDERS]
    else:
        found = _untaken(nodes.values())
    return found or list(nodes)


def _untaken(nodes: Iterable[Any]) -> list[str]:
    """Nodes that no other takes; not those that only one branch of a cond reaches."""
    known = {node.name: node for node in nodes}
    taken = {parsed(each)[0] for node in known.values() for each in node.input}
    return [
        name
        for name, node in known.items()
        if name not in taken and node.op not in NO_OUTPUT and not _chosen(node, known)
    ]


def _chosen(node: Any, nodes: dict[str, Any]) -> bool:
    """Whether a node hands on what a Switch gives to one branch."""
    for _ in nodes:
        if node is None or node.op != "Identity":
            break
        node = nodes.get(parsed(node.input[0])[0])
    return node is not None and node.op in ("RefSwitch", "Switch")


def _inferred(graph_def: Any, place: str) -> list[str]:
    found = _untaken(graph_def.node)
    if not found:
        raise ModelError(
            f"{place}: every node is taken by another",
            "Name the graph's outputs under model.outputs.",
        )
    return found


def _placeholders(graph_def: Any, place: str) -> list[str]:
    """The graph's inputs; one with a default (a learning phase) only if it is alone."""
    known = [node for node in graph_def.node if node.op in PLACEHOLDERS]
    plain = [node for node in known if node.op != "PlaceholderWithDefault"]
    found = [node.name for node in plain or known]
    if not found:
        raise ModelError(
            f"{place} has no Placeholder", "Name its inputs under model.inputs."
        )
    return found


def _imported(graph_def: Any, place: str) -> Any:
    """The graph as TensorFlow understands it, for dtypes and shapes.

    Raises:
        ModelError: It doesn't.
    """
    graph = tf.Graph()
    try:
        with graph.as_default():
            tf.graph_util.import_graph_def(graph_def, name="")
    except (ValueError, KeyError, TypeError, tf.errors.OpError) as error:
        raise refused(place, error) from error
    return graph


def _input(nodes: dict[str, Any], tensor: str, place: str) -> Endpoint:
    """A tensor to feed; its shape is known where it is a Placeholder's."""
    node, index = parsed(tensor)
    dtypes = _dtypes(nodes[node], place)
    _check_output(tensor, len(dtypes), place, "inputs")
    shape = None
    if nodes[node].op in PLACEHOLDERS and "shape" in nodes[node].attr:
        shape = sizes(nodes[node].attr["shape"].shape)
    return Endpoint(tensor.replace(":", "_"), tensor, name_of(dtypes[index]), shape)


def _output(graph: Any, tensor: str, place: str) -> Endpoint:
    node, index = parsed(tensor)
    made = graph.get_operation_by_name(node).outputs
    _check_output(tensor, len(made), place, "outputs")
    shape = made[index].shape
    known = None if shape.rank is None else tuple(shape.as_list())
    dtype = name_of(made[index].dtype.as_datatype_enum)
    return Endpoint(tensor.replace(":", "_"), tensor, dtype, known)


def _dtypes(node: Any, place: str) -> list[int]:
    if op_def(node.op) is None:
        raise ModelError(
            f"{place}: input {node.name} has the op {node.op}, which is none of "
            "TensorFlow's",
            "Name the tensors after it as model.inputs.",
        )
    return [port.type for port in outputs_of(node)]


def _check_output(tensor: str, count: int, place: str, field: str) -> None:
    node, index = parsed(tensor)
    if index >= count:
        raise ModelError(
            f"{place}: node {node} makes {count} tensors, model.{field} names "
            f"{node}:{index}",
            f"Name {node}:0." if count else "Name a node that makes a tensor.",
        )
