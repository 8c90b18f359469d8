"""The model that a script was given: loaded by it, or supplied by a caller."""

from __future__ import annotations

import onnx
import onnx_ir as ir

from ....common.errors import ModelError
from ..ir.serialization import initializers


def model_of(model: object) -> ir.Model:
    """An onnx-ir model, from that or from an `onnx.ModelProto`; neither is changed.

    Raises:
        ModelError: It is something else.
    """
    if isinstance(model, onnx.ModelProto):
        model = ir.from_proto(model)
    if not isinstance(model, ir.Model):
        raise ModelError(
            f"the model is a {type(model).__name__}, no ONNX model",
            "Give an onnx_ir.Model, an onnx.ModelProto, or load_onnx(path).",
        )
    if not any(
        isinstance(v.const_value, ir.ExternalTensor) for v in initializers(model)
    ):
        return model
    copy = model.clone()
    copy.meta.update(model.meta)
    for value in initializers(copy):
        tensor = value.const_value
        if isinstance(tensor, ir.ExternalTensor):
            value.const_value = ir.Tensor(
                tensor.numpy(), tensor.dtype, name=tensor.name
            )
    return copy
