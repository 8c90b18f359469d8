"""The last floats before the outputs: what an error is measured on."""

from __future__ import annotations

from collections.abc import Iterator

import onnx_ir as ir

from ...measuring import tails
from ..ir.regions import bodies
from ..running.interpreter import captured


def showing_tails(model: ir.Model) -> ir.Model:
    """A copy that returns its float outputs, and the last floats that feed the others.

    An index that argmax returns says little of how far its scores are off.
    """
    copy = model.clone()
    outputs = list(copy.graph.outputs)

    def is_float(value: ir.Value) -> bool:
        taken = value.producer() is None and value not in outputs
        is_tensor = value.type is None or isinstance(value.type, ir.TensorType)
        return value.dtype == ir.DataType.FLOAT and is_tensor and not taken

    copy.graph.outputs[:] = tails.float_tails(outputs, is_float, _behind)
    return copy


def _behind(value: ir.Value) -> Iterator[ir.Value]:
    node = value.producer()
    if node is not None:
        yield from (taken for taken in node.inputs if taken is not None)
        for _, body in bodies(node):
            yield from captured(body)
