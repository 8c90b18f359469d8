"""Opening an ONNX file, as carefully as one from anywhere."""

from __future__ import annotations

import mmap
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError

from ....common.errors import DamagedError, ModelError, UnsafeError
from ...opening.named import not_there
from ...refusals import Damaged, Unsafe, shown
from ..ir import weights
from ..ir.proto import normalise, walk
from ..ir.proto.returned import DEFAULTS
from ..ir.proto.selected import select_outputs
from ..ir.weights import Span
from .untrusted import sizes, wire
from .untrusted.external import span
from .untrusted.functions import check_functions
from .validity import check_graph, check_versions

WHOLE = "Copy or export it again, with all files that belong to it."
TRUST = (
    "Save it again with onnx.save_model(model, path, save_as_external_data=True); if "
    "you trust where it comes from, write `trust: true` under `model`."
)

EXTERNAL = "narrowcast.external_data"
"""Key of a loaded model's `meta`: the files beside its own that it keeps data in."""


def load_onnx(
    path: Path | str,
    *,
    outputs: Sequence[str] = (),
    trust: bool = False,
    large: int = wire.LARGE,
    place: str = "",
) -> ir.Model:
    """Open a model; the file is checked before anything that it names is opened.

    Large tensors stay in the file, mapped, until they are read. Weights that ir_version 3
    lists among the inputs are initializers only; later, such an input has a default.
    The file is never written to.

    Args:
        outputs: Those of its outputs that are judged and kept; all without names.
        trust: External data may lie anywhere, also behind links.
        large: Bytes from which a tensor inside the file is mapped.
        place: What messages start with; the spec's key without it.

    Raises:
        ModelError: It is missing, corrupt, no ONNX model, of an opset that is not
            known, not valid, or not safe to open; or it has no output of a name.
    """
    path = Path(path)
    place = place or f"model.path: {path.name}"
    with _refusals(place):
        proto, token = _parsed(path, place, large)
        _check(proto, place, outputs)
        spans = _spans(proto, path, token, trust)
        model = _read(proto, place)
    _map(model, spans)
    others = (each.path for each in spans if each.path != path)
    model.meta[EXTERNAL] = tuple(dict.fromkeys(others))
    return model


def from_proto(
    proto: onnx.ModelProto, place: str, outputs: Sequence[str] = ()
) -> ir.Model:
    """The model that a proto in memory is, which is written to.

    Args:
        outputs: As of `load_onnx`.

    Raises:
        ModelError: Its weights lie in files, which only its path tells, or as of
            `load_onnx`.
    """
    with _refusals(place):
        _check(proto, place, outputs)
        if _external(proto, ""):
            raise ModelError(
                f"{place} leaves weights in files of their own",
                "Give its path, or read them too: onnx.load(path).",
            )
        for inside, tensor in walk.tensors(proto):
            sizes.check_values(tensor, inside)
        return _read(proto, place)


def _check(proto: onnx.ModelProto, place: str, outputs: Sequence[str]) -> None:
    """Hold a proto to what is known, and write it as what follows expects it."""
    if not proto.HasField("graph") or not proto.ir_version:
        raise Damaged("is no ONNX model: it has no graph")
    check_versions(proto, place)
    check_functions(proto)
    normalise(proto)
    select_outputs(proto, outputs, place)


def _read(proto: onnx.ModelProto, place: str) -> ir.Model:
    check_graph(proto, place)
    model = ir.serde.deserialize_model(proto)
    if proto.ir_version < DEFAULTS:
        _free_weights(model)
    return model


@contextmanager
def _refusals(place: str) -> Iterator[None]:
    """Say of a model at `place` why it is not opened."""
    try:
        yield
    except Damaged as error:
        raise DamagedError(f"{place} {error}", WHOLE) from error
    except Unsafe as error:
        raise UnsafeError(f"{place} is not safe to open: {error}", TRUST) from error
    except UnicodeDecodeError as error:
        raise DamagedError(f"{place} is damaged: a name is no text", WHOLE) from error
    except ir.serde.SerdeError as error:
        raise DamagedError(
            f"{place} can't be read: {_innermost(error)}", WHOLE
        ) from error


def _parsed(path: Path, place: str, large: int) -> tuple[onnx.ModelProto, str]:
    """The file without its large tensors, and the location that stands for it."""
    if not path.exists():
        raise not_there(path, place)
    if not path.is_file():
        raise Damaged("is no file")
    if not path.stat().st_size:
        raise Damaged("is empty")
    token = secrets.token_hex(8)
    proto = onnx.ModelProto()
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if other := _other_format(data[:64]):
        raise Damaged(f"is {other}, no ONNX model")
    try:
        proto.ParseFromString(wire.without_weights(memoryview(data), token, large))
    except DecodeError as error:
        if "MaxDepth" in str(error):
            raise Damaged(f"nests messages deeper than {wire.DEEPEST}") from error
        raise Damaged(f"is damaged, or no ONNX model: {error}") from error
    return proto, token


def _other_format(start: bytes) -> str:
    """What a file is by its first bytes, "" if it may be a model."""
    known = {
        b"PK\x03\x04": "a zip archive",
        b"version https://git-lfs": "a Git LFS pointer (git lfs pull)",
        b"\x89HDF": "an HDF5 file",
        b"\x80": "a pickle",
        b"<": "XML or HTML",
        b"{": "JSON",
    }
    if start[4:8] == b"ORTM":
        return "in ONNX Runtime's own format"
    return next((name for magic, name in known.items() if start.startswith(magic)), "")


def _external(proto: onnx.ModelProto, token: str) -> bool:
    """Whether the file keeps data beside itself, not only large tensors inside."""
    return any(
        tensor.data_location == onnx.TensorProto.EXTERNAL
        and any(
            entry.key == "location" and entry.value != token
            for entry in tensor.external_data
        )
        for _, tensor in walk.tensors(proto)
    )


def _spans(
    proto: onnx.ModelProto, path: Path, token: str, trust: bool
) -> Sequence[Span]:
    """Where the external tensors are; their location in the proto becomes an index.

    Raises:
        Damaged: A tensor's values don't fit its shape.
        Unsafe: They are not in the model's folder.
    """
    found: list[Span] = []
    for place, tensor in walk.tensors(proto):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            sizes.check_values(tensor, place)
            continue
        where = {entry.key: entry.value for entry in tensor.external_data}
        if where.get("location") == token:
            own = Span(path, int(where["offset"]), int(where["length"]))
            wanted = sizes.nbytes(tensor, place)
            if own.length != wanted:
                raise Damaged(
                    f"{shown(place)} has {own.length} bytes, its shape takes {wanted}"
                )
            found.append(own)
        else:
            found.append(span(tensor, place, path.parent, trust))
        del tensor.external_data[:]
        tensor.external_data.add(key="location", value=str(len(found) - 1))
    return found


def _map(model: ir.Model, spans: Sequence[Span]) -> None:
    """Let all tensors that lie in files be mapped."""
    read = weights.mapped_files()

    def made(tensor: ir.TensorProtocol) -> ir.TensorProtocol:
        if not isinstance(tensor, ir.ExternalTensor):
            return tensor
        where = spans[int(os.fspath(tensor.location))]
        shape = tuple(map(int, tensor.shape.numpy()))
        return weights.mapped_tensor(tensor.name, tensor.dtype, shape, where, read)

    for graph in _graphs(model):
        for value in graph.initializers.values():
            if value.const_value is not None:
                value.const_value = made(value.const_value)
        for node in graph:
            for name, attr in list(node.attributes.items()):
                if attr.is_ref():
                    continue
                if attr.type == ir.AttributeType.TENSOR:
                    node.attributes[name] = ir.AttrTensor(name, made(attr.as_tensor()))
                elif attr.type == ir.AttributeType.TENSORS:
                    several = [made(each) for each in attr.as_tensors()]
                    node.attributes[name] = ir.AttrTensors(name, several)


def _graphs(model: ir.Model) -> Iterator[ir.Graph]:
    """All graphs, of functions too."""
    yield from model.graphs()
    for function in model.functions.values():
        yield function.graph
        yield from function.graph.subgraphs()


def _free_weights(model: ir.Model) -> None:
    """Weights are no inputs: ir_version 3 had to list them among these."""
    model.ir_version = max(model.ir_version, 4)
    for graph in model.graphs():
        own = [value for value in graph.inputs if not value.is_initializer()]
        if len(own) < len(graph.inputs):
            graph.inputs[:] = own


def _innermost(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split())[:300]
