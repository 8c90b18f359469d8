"""Softmax as ONNX had it in opsets 11 and 12, for OpenVINO."""

from __future__ import annotations

import onnx_ir as ir

OPSETS = (11, 12)
"""Where ONNX still normalises over all axes from one on, OpenVINO over that one alone."""

OPERATORS = ("Softmax", "LogSoftmax", "Hardmax")


def as_onnx_has_it(model: ir.Model) -> ir.Model:
    """A copy in which such ops are over the last axis of a flattened tensor.

    The model itself if it has none.
    """
    if model.opset_imports.get("") not in OPSETS or not _those(model):
        return model
    copy = model.clone()
    for node in _those(copy):
        _flatten(node)
    return copy


def _those(model: ir.Model) -> list[ir.Node]:
    """Those over more than the last axis, as far as shapes say."""
    return [
        node
        for graph in model.graphs()
        for node in graph
        if not node.domain and node.op_type in OPERATORS and not _over_the_last(node)
    ]


def _over_the_last(node: ir.Node) -> bool:
    axis, data = node.attributes.get_int("axis", 1), node.inputs[0]
    shape = None if data is None else data.shape
    return axis == -1 or (shape is not None and axis == len(shape) - 1)


def _flatten(node: ir.Node) -> None:
    data, out = node.inputs[0], node.outputs[0]
    assert data is not None
    axis = node.attributes.get_int("axis", 1)
    sizes = ir.node("Shape", [data])
    flat = ir.node("Flatten", [data], {"axis": axis})
    inner = ir.node(node.op_type, flat.outputs, {"axis": -1})
    for made in (sizes, flat, inner):
        made.outputs[0].name = f"{out.name}.{made.op_type.lower()}"
        node.prepend(made)
    node.op_type = "Reshape"
    node.attributes.clear()
    node.resize_inputs(2)
    node.replace_input_with(0, inner.outputs[0])
    node.replace_input_with(1, sizes.outputs[0])
