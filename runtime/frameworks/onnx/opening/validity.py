"""What a model must be before it is read: known versions, a valid graph."""

from __future__ import annotations

import onnx
from onnx import checker

from ....common.errors import ModelError
from ..ir.proto import walk

OLDEST = 9
"""The first opset that this adapter knows."""


def check_versions(proto: onnx.ModelProto, place: str) -> None:
    """Raise a ModelError for an opset or an ir_version that is not known."""
    newest = onnx.defs.onnx_opset_version()
    if proto.ir_version > onnx.IR_VERSION:
        raise ModelError(
            f"{place} has ir_version {proto.ir_version}, onnx {onnx.__version__} knows "
            f"up to {onnx.IR_VERSION}",
            "Upgrade: pip install -U onnx. Or export it for an older one.",
        )
    versions = [one.version for one in proto.opset_import if one.domain in OWN]
    if not versions and any(node.domain in OWN for node in walk.nodes(proto)):
        raise ModelError(f"{place} names no opset", "Export it again.")
    for version in versions:
        if version < OLDEST:
            raise ModelError(
                f"{place} has opset {version}; {OLDEST} is the oldest that is supported",
                "Export it again, or upgrade it: onnx.version_converter.convert_version("
                f"model, {OLDEST}).",
            )
        if version > newest:
            raise ModelError(
                f"{place} has opset {version}, onnx {onnx.__version__} knows up to "
                f"{newest}",
                "Upgrade: pip install -U onnx. Or export it for an older one.",
            )


OWN = ("", "ai.onnx")
"""Names of ONNX's own domain."""

LARGE = 1 << 20
"""Bytes of a tensor beyond which the checker, which copies the model, does without."""


def check_graph(proto: onnx.ModelProto, place: str) -> None:
    """Raise a ModelError for a graph that onnx.checker refuses.

    Values that lie in files, and large ones, are left out of it: they are not looked at.
    """
    bare = onnx.ModelProto()
    bare.CopyFrom(proto)
    bare.ir_version = max(bare.ir_version, 4)  # before, weights had to be inputs
    for _, tensor in walk.tensors(bare):
        outside = tensor.data_location == onnx.TensorProto.EXTERNAL
        if outside or len(tensor.raw_data) > LARGE:
            tensor.ClearField("external_data")
            tensor.ClearField("data_location")
            tensor.dims[:] = [0]
            tensor.raw_data = b""
    try:
        checker.check_model(bare)
    except checker.ValidationError as error:
        said = " ".join(str(error).split())
        raise ModelError(
            f"{place} is no valid model: {said[:400]}",
            "Export it again; onnx.checker.check_model shows what it lacks.",
        ) from error
