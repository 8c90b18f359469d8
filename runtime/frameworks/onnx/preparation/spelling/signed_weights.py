"""Unsigned weights around 128 as signed ones around zero: the same numbers."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ...ir.rewriting.editing import Editor, constant_of

MIDDLE = 128


def sign_weights(model: ir.Model, editor: Editor) -> int:
    """Let DequantizeLinear take signed weights; how many were written anew."""
    count = 0
    for graph in model.graphs():
        for node in graph:
            if node.domain or node.op_type != "DequantizeLinear":
                continue
            stored = constant_of(node.inputs[0])
            zero = constant_of(node.inputs[2]) if len(node.inputs) > 2 else None
            if stored is None or zero is None or stored.dtype != ir.DataType.UINT8:
                continue
            if np.any(zero.numpy() != MIDDLE):
                continue
            for index, tensor in ((0, stored), (2, zero)):
                signed = (tensor.numpy() ^ np.uint8(MIDDLE)).view(np.int8)
                old = node.inputs[index]
                near = "" if old is None else f"{old.name}_signed"
                made = editor.constant(graph, signed, near)
                node.replace_input_with(index, made)
            count += 1
    return count
