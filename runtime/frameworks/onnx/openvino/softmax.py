"""Softmax as ONNX had it before opset 13, for OpenVINO."""

from __future__ import annotations

import onnx_ir as ir

from ..preparation.adapters import softmax
from ..preparation.editing import editor
from ..preparation.opsets import own_opset

OPSETS = (11, 12)
"""Where ONNX still normalises over all axes from one on, OpenVINO over that one alone."""

OPERATORS = ("Softmax", "LogSoftmax", "Hardmax")


def as_onnx_has_it(model: ir.Model) -> ir.Model:
    """A copy in which such ops are over the last axis of a flattened tensor.

    The model itself if it has none: on one axis the two are the same.
    """
    if own_opset(model) not in OPSETS or not any(map(_is_one, _nodes(model))):
        return model
    copy = model.clone()
    named = editor(copy)
    for node in filter(_is_one, _nodes(copy)):
        softmax(node, named)
    return copy


def _nodes(model: ir.Model) -> list[ir.Node]:
    return [node for graph in model.graphs() for node in graph]


def _is_one(node: ir.Node) -> bool:
    return not node.domain and node.op_type in OPERATORS
