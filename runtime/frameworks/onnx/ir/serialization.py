"""An onnx-ir model as the bytes, or the files, that runtimes open."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import onnx_ir as ir

from . import weights

LARGE = 1 << 28
"""Bytes of weights beyond which a model goes through files: in one piece it would be in
memory several times, and protobuf ends at 2 GiB."""

SMALL = 1024
"""Bytes up to which a tensor stays in the model's own file."""

ALIGNED = 64
"""Tensors in a file begin at multiples of this, so that they can be mapped."""


def initializers(model: ir.Model) -> Iterator[ir.Value]:
    """Those of all graphs that have values, in graph order."""
    for graph in model.graphs():
        for value in graph.initializers.values():
            if value.const_value is not None:
                yield value


def weight_bytes(model: ir.Model) -> int:
    """Bytes of all initializers."""
    return sum(value.const_value.nbytes for value in initializers(model))


def to_bytes(model: ir.Model) -> bytes:
    """The model in one piece, the same bytes each time."""
    data: bytes = ir.to_proto(model).SerializeToString(deterministic=True)
    return data


def write_apart(model: ir.Model, path: Path, data: Path) -> None:
    """Write the model to `path` and its weights, in graph order, to `data` beside it.

    One weight after another, so that only one that is converted on the way is held.
    """
    copy = model.clone()
    with data.open("wb") as file:
        for value in initializers(copy):
            tensor = value.const_value
            if tensor.nbytes <= SMALL or tensor.dtype == ir.DataType.STRING:
                continue
            file.write(bytes(-file.tell() % ALIGNED))
            value.const_value = ir.ExternalTensor(
                data.name,
                file.tell(),
                tensor.nbytes,
                tensor.dtype,
                shape=tensor.shape,
                name=str(value.name),
                base_dir=data.parent,
            )
            tensor.tofile(file)
            weights.release(tensor)
    path.write_bytes(to_bytes(copy))


class Opened:
    """A model as a runtime opens it: bytes, or a file as long as this object lives."""

    def __init__(self, model: ir.Model) -> None:
        self.source: bytes | Path
        if weight_bytes(model) < LARGE:
            self.source = to_bytes(model)
            return
        self._folder = tempfile.TemporaryDirectory(prefix="narrowcast-")
        self.source = Path(self._folder.name) / "model.onnx"
        write_apart(model, self.source, self.source.with_name("model.onnx.data"))
