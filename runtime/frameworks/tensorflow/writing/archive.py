"""A converted model as a SavedModel: whole or not at all, the same bytes each time.

It is written as TensorFlow's version-1 builder does, without variables: one MetaGraph,
which `tf.saved_model.load` takes as it takes any.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import fingerprint_pb2, meta_graph_pb2, saved_model_pb2

from ....common.errors import ModelError, WriteError
from ....common.files import beside
from ...protocol import Inputs, Outputs, Predict
from ..ir.frozen import Endpoint, Frozen, Signature
from ..ir.naming import parsed
from ..ir.operators import fills_once
from ..running.eager import widened
from ..running.predict import given
from ..running.reasons import FAILURES, failed
from ..running.switches import hold_fp32
from . import checkpoint

INITIAL = "__saved_model_init_op"
"""The signature whose op TensorFlow runs when it has loaded a SavedModel."""

ABOUT = "assets.extra/narrowcast.json"
"""What a SavedModel doesn't say: the order of inputs and outputs, and its state."""


def save(frozen: Frozen, path: Path) -> Path:
    """Write the model to the folder `path`, replacing what is there.

    Raises:
        UsageError: The folder can't be written, or the disk is full.
    """
    files = contents(frozen)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        made = beside(path)
        made.mkdir()
        try:
            for name, data in files.items():
                target = made / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            if frozen.weights:
                checkpoint.write(made, frozen.weights)
            _put(made, path)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise WriteError(
            f"can't write {path}: {error.strerror or error}",
            "Make room, or choose another place with --output.",
        ) from error
    return path


def _put(made: Path, path: Path) -> None:
    """Put a folder in the place of another; readers see one of them, or none shortly."""
    if not path.exists():
        made.replace(path)
        return
    old = beside(path.with_name(f"{path.name}.old"))
    path.replace(old)
    made.replace(path)
    shutil.rmtree(old, ignore_errors=True)


def contents(frozen: Frozen) -> dict[str, bytes]:
    """The SavedModel's files, by their names in its folder."""
    saved = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    meta = saved.meta_graphs.add()
    _describe(meta, frozen)
    meta.graph_def.CopyFrom(frozen.graph_def)
    for signature in frozen.signatures:
        _define(meta.signature_def[signature.key], signature)
    if frozen.weights:
        checkpoint.add_variables(meta, frozen.weights)
    if frozen.initial:
        _start(meta, frozen.initial)
    data = saved.SerializeToString(deterministic=True)
    first = frozen.signatures[0]
    by_name = {node.name: node for node in frozen.graph_def.node}
    about = {
        "signature": first.key,
        "tags": list(frozen.tags),
        "inputs": [each.name for each in first.inputs],
        "outputs": [each.name for each in first.outputs],
        "state": [n for n in frozen.initial if not fills_once(by_name[n], by_name)],
    }
    return {
        "saved_model.pb": data,
        "fingerprint.pb": _fingerprint(data, meta),
        ABOUT: (json.dumps(about, indent=1) + "\n").encode(),
    }


def _describe(meta: Any, frozen: Frozen) -> None:
    info = meta.meta_info_def
    info.tags.extend(frozen.tags)
    info.tensorflow_version = tf.version.VERSION
    info.tensorflow_git_version = tf.version.GIT_VERSION
    info.stripped_default_attrs = False


def _define(definition: Any, signature: Signature) -> None:
    definition.method_name = signature.method
    for endpoint in signature.inputs:
        _endpoint(definition.inputs[endpoint.name], endpoint)
    for endpoint in signature.outputs:
        _endpoint(definition.outputs[endpoint.name], endpoint)


def _start(meta: Any, names: Sequence[str]) -> None:
    """Have the nodes run when the model is loaded."""
    taken = {node.name for node in meta.graph_def.node}
    name = "initial"
    while name in taken:
        name += "_"
    inputs = [f"^{each}" for each in names]
    meta.graph_def.node.add(name=name, op="NoOp", input=inputs)
    info = meta.signature_def[INITIAL].outputs[INITIAL]
    info.name = name


def _endpoint(info: Any, endpoint: Endpoint) -> None:
    info.name = "{}:{}".format(*parsed(endpoint.tensor))
    dtype = tf.string if endpoint.dtype == "object" else tf.as_dtype(endpoint.dtype)
    info.dtype = dtype.as_datatype_enum
    info.tensor_shape.CopyFrom(tf.TensorShape(endpoint.shape).as_proto())


def _fingerprint(data: bytes, meta: Any) -> bytes:
    """What TensorFlow's own checksums would tell apart, from the bytes themselves."""

    def number(content: bytes) -> int:
        return int.from_bytes(hashlib.sha256(content).digest()[:8], "little")

    signatures = meta_graph_pb2.MetaGraphDef()
    for key in meta.signature_def:
        signatures.signature_def[key].CopyFrom(meta.signature_def[key])
    return bytes(
        fingerprint_pb2.FingerprintDef(
            saved_model_checksum=number(data),
            graph_def_program_hash=number(
                meta.graph_def.SerializeToString(deterministic=True)
            ),
            signature_def_hash=number(signatures.SerializeToString(deterministic=True)),
        ).SerializeToString(deterministic=True)
    )


def load_saved(path: Path) -> Predict:
    """As `Adapter.load_saved`; fp32 is fp32."""
    hold_fp32()
    try:
        about = json.loads((path / ABOUT).read_text())
        loaded = tf.saved_model.load(str(path), tags=about["tags"])
        function = loaded.signatures[about["signature"]]
        inputs = tuple(
            _declared(name, function.structured_input_signature[1][name])
            for name in about["inputs"]
        )
        outputs = list(about["outputs"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path} can't be opened: {error}", "Convert the model again."
        ) from error

    return Saved(loaded, function, inputs, outputs, about["state"])


@dataclass(frozen=True)
class Saved:
    """A loaded SavedModel to call on batches.

    Attributes:
        owner: What was loaded; a function alone does not keep it.
        state: Names of the nodes that give variables and tables their first values.
    """

    owner: Any
    function: Any
    inputs: Sequence[Endpoint]
    outputs: Sequence[str]
    state: Sequence[str]

    def __call__(self, batch: Inputs, /) -> Outputs:
        """The outputs in their order, for inputs in theirs."""
        tensors = given(self.inputs, batch)
        named = {
            e.name: tf.convert_to_tensor(t)
            for e, t in zip(self.inputs, tensors, strict=True)
        }
        try:
            found = self.function(**named)
        except FAILURES as error:
            raise failed("the saved model", error) from error
        return tuple(widened(found[name]) for name in self.outputs)

    def restart(self) -> None:
        """Bring the state back to what it was when the model was loaded."""
        if self.state:
            graph = self.owner.graph
            writers = [graph.get_operation_by_name(name) for name in self.state]
            self.owner.prune([], writers)()


def _declared(name: str, spec: Any) -> Endpoint:
    shape = None if spec.shape.rank is None else tuple(spec.shape.as_list())
    return Endpoint(name, "", spec.dtype.name, shape)
