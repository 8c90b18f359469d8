"""TensorFlow's SavedModels and frozen graphs: their signatures and placeholders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from narrowcast.runtime.common.errors import ModelError

from .files import WHOLE, missing
from .found import Found, Symbols, Tensor

LARGEST = 1 << 31
"""Bytes that a protobuf message may have."""

SERVING = "serving_default"
DTYPES = {1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8"}
DTYPES |= {7: "string", 9: "int64", 10: "bool", 19: "float16"}
"""TensorFlow's numbers → NumPy's names."""


def look_saved_model(folder: Path) -> Found:
    """The inputs and outputs of the signature that serves.

    Raises:
        ModelError: It is no SavedModel.
        RequirementError: There is no TensorFlow.
    """
    path = folder / "saved_model.pb"
    if not path.is_file():
        raise ModelError(f"{folder} is no SavedModel: it has no saved_model.pb", WHOLE)
    saved = _message(path, "saved_model_pb2", "SavedModel")
    signatures = {
        str(key): each
        for meta in saved.meta_graphs
        for key, each in meta.signature_def.items()
        if each.inputs or each.outputs
    }
    if not signatures:
        return Found(unsure=("The SavedModel has no signature.",))
    name = SERVING if SERVING in signatures else sorted(signatures)[0]
    chosen, symbols = signatures[name], Symbols()
    inputs = tuple(
        _tensor(
            str(key), chosen.inputs[key].dtype, chosen.inputs[key].tensor_shape, symbols
        )
        for key in sorted(chosen.inputs)
    )
    others = sorted(signatures.keys() - {name})
    told = (f"Its other signatures are {', '.join(others)}.",) if others else ()
    keys = {} if name == SERVING else {"signature": name}
    return Found(inputs, tuple(map(str, sorted(chosen.outputs))), keys, told)


def look_frozen(path: Path) -> Found:
    """The placeholders, and the nodes that feed no other.

    Raises:
        ModelError: It is no graph.
        RequirementError: There is no TensorFlow.
    """
    graph = _message(path, "graph_pb2", "GraphDef")
    if not graph.node:
        raise ModelError(f"{path} is no frozen graph: it has no nodes", WHOLE)
    symbols = Symbols()
    read = {_source(each) for node in graph.node for each in node.input}
    inputs = tuple(
        _tensor(n.name, n.attr["dtype"].type, n.attr["shape"].shape, symbols)
        for n in graph.node
        if n.op == "Placeholder"
    )
    outputs = tuple(
        node.name
        for node in graph.node
        if node.name not in read and node.op not in ("Const", "NoOp", "Placeholder")
    )
    told = ("What is an output is told from what no other op reads.",)
    return Found(inputs, outputs, unsure=told)


def _source(name: str) -> str:
    return name.removeprefix("^").partition(":")[0]


def _message(path: Path, module: str, name: str) -> Any:
    """A file's protobuf message."""
    try:
        from google.protobuf.message import DecodeError
        from tensorflow.core.framework import graph_pb2
        from tensorflow.core.protobuf import saved_model_pb2
    except ImportError as error:
        raise missing("tensorflow", path, error) from error
    made = {"graph_pb2": graph_pb2, "saved_model_pb2": saved_model_pb2}[module]
    message = getattr(made, name)()
    try:
        if path.stat().st_size >= LARGEST:
            raise ModelError(f"{path} is larger than 2 GiB", WHOLE)
        message.ParseFromString(path.read_bytes())
    except OSError as error:
        raise ModelError(f"{path} can't be read: {error.strerror}", WHOLE) from error
    except (DecodeError, ValueError) as error:
        raise ModelError(
            f"{path} is no {name} of TensorFlow's: {error}", WHOLE
        ) from error
    return message


def _tensor(name: str, dtype: int, shape: Any, symbols: Symbols) -> Tensor:
    sizes: tuple[int | str, ...] | None = None
    if not shape.unknown_rank:
        sizes = tuple(
            dim.size if dim.size > 0 else symbols.named(None, axis)
            for axis, dim in enumerate(shape.dim)
        )
    return Tensor(name, sizes, DTYPES.get(dtype, ""))
