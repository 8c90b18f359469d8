"""A model as ONNX's own object."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir

from ..opening.load import load_onnx
from ..running.given import model_of


def native(model: Any) -> onnx.ModelProto:
    """As `Adapter.native`: what any runtime takes, with weights and all."""
    if isinstance(model, onnx.ModelProto):
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        return copy
    proto: onnx.ModelProto = ir.to_proto(model_of(model))
    return proto


def open_native(path: Path) -> onnx.ModelProto:
    """As `Adapter.open_native`."""
    return native(load_onnx(path))
