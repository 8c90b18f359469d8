"""A model as a `tf.Graph`, in which tensors have the names that users know."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from ....common.errors import ModelError
from ....graph.graph import Precision
from ..bodies.inline import unused
from ..ir import schemas
from ..ir.frozen import Endpoint, Frozen, Model
from ..ir.naming import data, flat, parsed, waits
from ..ir.protos import GraphDef, NodeDef, copied
from ..ir.schemas import FLOAT, TYPES
from ..opening.saved_model import load_saved_model
from .archive import ABOUT

CAST = re.compile(r"(?P<maker>.+)/to_fp32(_\d+)?_*")
"""What `rewrite` calls a cast to fp32."""

NARROW = {TYPES[Precision.BF16], TYPES[Precision.FP16]}

v1 = tf.compat.v1


def native(model: Model | Frozen) -> Any:
    """As `Adapter.native`: a graph without variables.

    Every input and output is found by its key in the signature too, which is the node's
    name in a frozen graph, where no other node has it. What fills tables is among
    `tf.compat.v1.tables_initializer()`'s.

    Raises:
        ModelError: Its weights are more than a graph can hold.
    """
    frozen = model if isinstance(model, Frozen) else model.freeze()
    if frozen.weights:
        raise ModelError(
            "the model's weights are more than the 2 GB that a tf.Graph can hold",
            "Judge it by a dataset and a metric instead of eval_func.",
        )
    outputs = [e for signature in frozen.signatures for e in signature.outputs]
    inputs = [e for signature in frozen.signatures for e in signature.inputs]
    names = _names(frozen.graph_def, outputs)
    renamed = _renamed(frozen.graph_def, names)
    ends = [(e.name, _new(e.tensor, names)) for e in outputs]
    graph_def = _with_outputs(_with_inputs(renamed, inputs), ends)
    graph = tf.Graph()
    with graph.as_default():
        tf.graph_util.import_graph_def(graph_def, name="")
    for name in frozen.initial:
        started = graph.get_operation_by_name(names.get(name, name))
        graph.add_to_collection(v1.GraphKeys.TABLE_INITIALIZERS, started)
    return graph


def open_native(path: Path) -> Any:
    """As `Adapter.open_native`."""
    try:
        about = json.loads((path / ABOUT).read_text())
        key = str(about["signature"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path} can't be opened: {error}", "Convert the model again."
        ) from error
    return native(load_saved_model(path, signature=key, trust=True, place=path.name))


def _names(graph_def: Any, outputs: Sequence[Endpoint]) -> dict[str, str]:
    """New names of nodes: what returns an output has the name of what makes it.

    An op that makes an output in 16 bits is followed by a cast, which stands for it.
    """
    nodes = {node.name: node for node in graph_def.node}
    names: dict[str, str] = {}
    for each in outputs:
        cast = nodes[parsed(each.tensor)[0]]
        match = CAST.fullmatch(cast.name)
        if match is None or cast.op != "Cast" or match["maker"] not in nodes:
            continue
        maker = nodes[match["maker"]]
        if maker.name not in names:
            names[maker.name] = unused([*nodes, *names.values()], f"{maker.name}/low")
        if len(schemas.outputs(maker)) == 1:
            names[cast.name] = maker.name
    return names


def _new(reference: str, names: Mapping[str, str]) -> str:
    node, index = parsed(reference)
    return flat(names.get(node, node), index)


def _renamed(graph_def: Any, names: Mapping[str, str]) -> Any:
    """The graph with these names, and with what stands for a maker of several outputs."""
    found = GraphDef()
    found.versions.CopyFrom(graph_def.versions)
    found.library.CopyFrom(graph_def.library)
    stand_ins = []
    for node in graph_def.node:
        new = copied(node)
        new.name = names.get(node.name, node.name)
        references = [*data(node), *(flat(each, -1) for each in waits(node))]
        new.input[:] = [_new(each, names) for each in references]
        found.node.append(new)
        if node.name in names and node.name not in names.values():
            stand_ins += _widened(node, new.name) if node.op != "Cast" else []
    found.node.extend(stand_ins)
    return found


def _widened(maker: Any, new: str) -> list[Any]:
    """All outputs of an op, in fp32 where they are in 16 bits, under its first name."""
    nodes, inputs, dtypes = [], [], []
    for index, port in enumerate(schemas.outputs(maker)):
        reference, dtype = flat(new, index), port.type
        if dtype in NARROW:
            cast = NodeDef(name=f"{new}/fp32_{index}", op="Cast", input=[reference])
            cast.attr["SrcT"].type, cast.attr["DstT"].type = dtype, FLOAT
            nodes.append(cast)
            reference, dtype = cast.name, FLOAT
        inputs.append(reference)
        dtypes.append(dtype)
    made = NodeDef(name=maker.name, op="IdentityN", input=inputs)
    made.attr["T"].list.type.extend(dtypes)
    return [*nodes, made]


def _with_inputs(graph_def: Any, inputs: Sequence[Endpoint]) -> Any:
    """Placeholders by their keys; the nodes that they were take what is fed."""
    taken = {node.name: node for node in graph_def.node}
    for each in inputs:
        node = taken[parsed(each.tensor)[0]]
        if not _free(each.name, taken) or node.op != "Placeholder":
            continue
        made = copied(node)
        made.name = each.name
        graph_def.node.append(made)
        taken[made.name] = made
        dtype = node.attr["dtype"].type
        node.Clear()
        node.name, node.op = parsed(each.tensor)[0], "Identity"
        node.input.append(made.name)
        node.attr["T"].type = dtype
    return graph_def


def _with_outputs(graph_def: Any, ends: Sequence[tuple[str, str]]) -> Any:
    nodes = {node.name: node for node in graph_def.node}
    for key, tensor in ends:
        maker, index = parsed(tensor)
        if _free(key, nodes):
            made = graph_def.node.add(name=key, op="Identity", input=[tensor])
            made.attr["T"].type = schemas.outputs(nodes[maker])[index].type
            nodes[key] = made
    return graph_def


NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")
"""What TensorFlow takes for a node's name."""


def _free(key: str, taken: Mapping[str, Any]) -> bool:
    return key not in taken and NAME.fullmatch(key) is not None
