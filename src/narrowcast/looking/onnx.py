"""ONNX: what the graph declares, read without its weights."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

from narrowcast.runtime.common.errors import ModelError

from .files import WHOLE, missing
from .found import Found, Symbols, Tensor

DTYPES = {1: "float32", 2: "uint8", 3: "int8", 5: "int16", 6: "int32", 7: "int64"}
DTYPES |= {8: "string", 9: "bool", 10: "float16", 11: "float64"}
"""ONNX' numbers → NumPy's names."""


def look(path: Path) -> Found:
    """The inputs that are no weights, and the outputs.

    Raises:
        ModelError: It is no ONNX model.
        RequirementError: There is no onnx.
    """
    graph = _graph(path)
    weights = {each.name for each in graph.initializer}
    weights |= {each.values.name for each in graph.sparse_initializer}
    symbols = Symbols()
    inputs = tuple(
        _tensor(each, symbols) for each in graph.input if each.name not in weights
    )
    return Found(inputs, tuple(each.name for each in graph.output))


def _graph(path: Path) -> Any:
    try:
        import onnx
        from google.protobuf.message import DecodeError

        from narrowcast.runtime.frameworks.onnx.opening.untrusted import wire
        from narrowcast.runtime.frameworks.refusals import Damaged
    except ImportError as error:
        raise missing("onnx", path, error) from error
    proto = onnx.ModelProto()
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        proto.ParseFromString(wire.without_weights(memoryview(data), "weights"))
    except OSError as error:
        raise ModelError(f"{path} can't be read: {error.strerror}", WHOLE) from error
    except (Damaged, DecodeError, ValueError) as error:
        raise ModelError(f"{path} is no ONNX model: {error}", WHOLE) from error
    if not proto.HasField("graph"):
        raise ModelError(f"{path} is no ONNX model: it has no graph", WHOLE)
    return proto.graph


def _tensor(value: Any, symbols: Symbols) -> Tensor:
    kind = value.type.tensor_type
    dtype = DTYPES.get(kind.elem_type, "")
    if not kind.HasField("shape"):
        return Tensor(value.name, None, dtype)
    shape = tuple(
        dim.dim_value
        if dim.HasField("dim_value") and dim.dim_value > 0
        else symbols.named(dim.dim_param or None, axis)
        for axis, dim in enumerate(kind.shape.dim)
    )
    return Tensor(value.name, shape, dtype)
