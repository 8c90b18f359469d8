"""Writing a converted model and opening it again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnx
import onnx_ir as ir
from onnx import checker

from ....common.errors import ModelError
from ....common.files import write_bytes
from ..ir import serialization
from ..opening.load import EXTERNAL

LARGEST = 2_000_000_000
"""Bytes of weights beyond which they go into a file of their own: protobuf's limit is
2 GiB for all of a message."""

TYPED = "narrowcast.typed"
"""Key of a model's `meta`: whether the file as loaded said the types of values inside."""

PREFIX = "narrowcast."
"""What the keys of the metadata begin with."""


def write(model: ir.Model, path: Path, switches: Mapping[str, str]) -> Path:
    """Write a converted model, whole or not at all; the same bytes each time.

    Weights lie in `NAME.data` beside it if they are large, or if the source's did.

    Args:
        switches: What the deployer must set, for the model's metadata.

    Raises:
        ModelError: What was written is no valid ONNX model.
        UsageError: It can't be written.
    """
    model = _described(model, switches)
    apart = (
        bool(model.meta.get(EXTERNAL)) or serialization.weight_bytes(model) >= LARGEST
    )
    if not apart:
        data = serialization.to_bytes(model)
        check(data)
        return write_bytes(path, data)
    path.parent.mkdir(parents=True, exist_ok=True)
    serialization.write_apart(model, path, path.with_name(f"{path.name}.data"))
    check(str(path))
    return path


def rename_data(path: Path, data: str) -> None:
    """Let a model look for its weights in a file of another name beside it, if it has
    them apart."""
    model = ir.load(path)
    apart = False
    for value in serialization.initializers(model):
        tensor = value.const_value
        if isinstance(tensor, ir.ExternalTensor):
            apart = True
            value.const_value = ir.ExternalTensor(
                data,
                tensor.offset,
                tensor.length,
                tensor.dtype,
                shape=tensor.shape,
                name=tensor.name,
                base_dir=path.parent,
            )
    if apart:
        write_bytes(path, serialization.to_bytes(model))


def check(model: bytes | str) -> None:
    """Hold a model to ONNX's rules, with every type inferred anew.

    Raises:
        ModelError: It breaks one.
    """
    try:
        checker.check_model(model, full_check=True)
    except (checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        said = " ".join(str(error).split())
        raise ModelError(
            f"the converted model is not valid: {said[:400]}",
            "This is a bug in narrowcast: please report it with the model's structure.",
        ) from error


def states_types(model: ir.Model) -> bool:
    """Whether a model says what types its inner values have."""
    return any(
        value.type is not None and not value.is_graph_output()
        for node in model.graph
        for value in node.outputs
    )


def _described(model: ir.Model, switches: Mapping[str, str]) -> ir.Model:
    copy = model.clone()
    copy.meta.update(model.meta)
    copy.producer_name = "narrowcast"
    for key, value in switches.items():
        copy.metadata_props[f"{PREFIX}{key}"] = value
    if not copy.meta.get(TYPED, True):
        _forget_types(copy)
    return copy


def _forget_types(model: ir.Model) -> None:
    """Leave out what checkers infer: in small files it is more than the weights."""
    for graph in model.graphs():
        for value in graph.initializers.values():
            if not (value.is_graph_input() or value.is_graph_output()):
                value.type = value.shape = None
        for node in graph:
            for value in node.outputs:
                if not value.is_graph_output():
                    value.type = value.shape = None
