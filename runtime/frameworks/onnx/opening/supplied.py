"""A supplied ONNX model: a file, a folder with one, or an object of onnx or onnx-ir."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx
import onnx_ir as ir

from ...opening.supplied import lone, missing, path_in, place_of, unknown
from ..running.given import model_of
from .load import from_proto, load_onnx

TAKES = (
    "Give an .onnx file, a folder that holds one, an onnx.ModelProto or an "
    "onnx_ir.Model."
)
PLACE = "the model"


def open_supplied(
    source: object, *, outputs: Sequence[str] = (), trust: bool = False
) -> ir.Model:
    """Open what a user has of a model; it is not changed.

    Args:
        source: A path of a file, or of a folder that holds one `.onnx`; an
            `onnx.ModelProto`, or an `onnx_ir.Model`.
        outputs: Those of its outputs that are judged and kept; all without names.
        trust: As of `load_onnx`.

    Raises:
        ModelError: It is nothing of these, or as of `load_onnx`.
    """
    path = path_in(source)
    if path is not None:
        file = _file(path)
        return load_onnx(file, outputs=outputs, trust=trust, place=place_of(file))
    if isinstance(source, onnx.ModelProto):
        copy = onnx.ModelProto()
        copy.CopyFrom(source)
        return from_proto(copy, PLACE, outputs)
    if not isinstance(source, ir.Model):
        raise unknown(source, TAKES)
    model = model_of(source)
    return from_proto(ir.to_proto(model), PLACE, outputs) if outputs else model


def _file(path: Path) -> Path:
    if not path.exists():
        raise missing(path, TAKES)
    return lone(path, "*.onnx", TAKES) if path.is_dir() else path
