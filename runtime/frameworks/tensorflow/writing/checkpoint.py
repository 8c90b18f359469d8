"""Weights that no GraphDef can hold, as the variables of a SavedModel.

A GraphDef ends at 2 GB. So each large weight, a Placeholder until then, becomes a
variable that is restored from the checkpoint when the SavedModel is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saver_pb2

from ...protocol import Array

VARIABLES = "variables/variables"
"""Where TensorFlow looks for them, in the SavedModel's folder."""


def add_variables(meta: Any, weights: Mapping[str, Array]) -> None:
    """Have a MetaGraph's Placeholders read variables, and restore these.

    Args:
        meta: The MetaGraphDef; it is changed.
        weights: Placeholder's name → its value, which is not looked at.
    """
    graph_def = meta.graph_def
    prefix = _unused(graph_def, "save")
    handles = {}
    for node in graph_def.node:
        if node.name in weights:
            handles[node.name] = _as_read(node)
    graph_def.node.extend(handles.values())
    names = sorted(weights)
    _restore(graph_def, prefix, {name: handles[name] for name in names})
    meta.saver_def.CopyFrom(
        saver_pb2.SaverDef(
            filename_tensor_name=f"{prefix}/Const:0",
            save_tensor_name=f"{prefix}/Const:0",
            restore_op_name=f"{prefix}/restore_all",
            version=saver_pb2.SaverDef.V2,
        )
    )


def write(folder: Path, weights: Mapping[str, Array]) -> None:
    """Write the checkpoint into a SavedModel's folder."""
    prefix = folder / VARIABLES
    prefix.parent.mkdir(parents=True, exist_ok=True)
    names = sorted(weights)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.convert_to_tensor(weights[name]) for name in names],
    )


def _as_read(node: Any) -> Any:
    """Make a Placeholder read a variable; the variable's node."""
    handle = type(node)(name=f"{node.name}/variable", op="VarHandleOp")
    handle.attr["dtype"].type = node.attr["dtype"].type
    handle.attr["shape"].shape.CopyFrom(node.attr["shape"].shape)
    handle.attr["shared_name"].s = node.name.encode()
    node.op = "ReadVariableOp"
    node.input[:] = [handle.name]
    node.attr.pop("shape", None)
    return handle


def _restore(graph_def: Any, prefix: str, handles: Mapping[str, Any]) -> None:
    add = graph_def.node.add
    texts = tf.string.as_datatype_enum
    default = add(name=f"{prefix}/filename", op="Const")
    default.attr["dtype"].type = texts
    default.attr["value"].tensor.CopyFrom(tf.make_tensor_proto("model"))
    file = add(name=f"{prefix}/Const", op="PlaceholderWithDefault")
    file.input[:] = [default.name]
    file.attr["dtype"].type = texts
    file.attr["shape"].shape.SetInParent()
    for kind, values in (("names", list(handles)), ("slices", [""] * len(handles))):
        node = add(name=f"{prefix}/{kind}", op="Const")
        node.attr["dtype"].type = texts
        node.attr["value"].tensor.CopyFrom(
            tf.make_tensor_proto(values, shape=[len(values)])
        )
    read = add(name=f"{prefix}/RestoreV2", op="RestoreV2")
    read.input[:] = [file.name, f"{prefix}/names", f"{prefix}/slices"]
    types = [handle.attr["dtype"].type for handle in handles.values()]
    read.attr["dtypes"].list.type.extend(types)
    done = type(read)(name=f"{prefix}/restore_all", op="NoOp")
    for k, handle in enumerate(handles.values()):
        assign = add(name=f"{prefix}/Assign_{k}", op="AssignVariableOp")
        assign.input[:] = [handle.name, f"{read.name}:{k}" if k else read.name]
        assign.attr["dtype"].type = types[k]
        done.input.append(f"^{assign.name}")
    graph_def.node.append(done)


def _unused(graph_def: Any, wanted: str) -> str:
    """A name scope that no node is in."""
    taken = {node.name.partition("/")[0] for node in graph_def.node}
    while wanted in taken:
        wanted += "_"
    return wanted
