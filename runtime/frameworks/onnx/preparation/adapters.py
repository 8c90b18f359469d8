"""How ops are rewritten where a new opset changed what they take.

The changes are those of the operator changelog, github.com/onnx/onnx/docs/Changelog.md.
All others between opset 9 and `opsets.NEWEST` only add types, attributes or inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import onnx_ir as ir

from ...listing import listed
from ..ir.rewriting.editing import Editor, constant_of

Adapter = Callable[[ir.Node, Editor], None]


class CannotAdapt(Exception):
    """The op has no like in the newer opset; the message says why."""


def attribute_to_input(attribute: str, index: int) -> Adapter:
    """Integers that were an attribute become input `index`."""

    def adapt(node: ir.Node, editor: Editor) -> None:
        given = node.attributes.pop(attribute, None)
        if given is not None:
            set_input(node, index, np.asarray(given.value, np.int64), attribute, editor)

    return adapt


def topk(node: ir.Node, editor: Editor) -> None:
    """k: attribute → input, of one element."""
    k = node.attributes.pop("k").as_int()
    set_input(node, 1, np.array([k], np.int64), "k", editor)


def slice_(node: ir.Node, editor: Editor) -> None:
    """starts, ends and axes: attributes → inputs."""
    for index, name in enumerate(("starts", "ends", "axes"), 1):
        attribute_to_input(name, index)(node, editor)


def clip(node: ir.Node, editor: Editor) -> None:
    """min and max: attributes → inputs."""
    for index, name in enumerate(("min", "max"), 1):
        if (given := node.attributes.pop(name, None)) is not None:
            value = np.asarray(given.as_float(), _dtype(node))
            set_input(node, index, value, name, editor)


def pad(node: ir.Node, editor: Editor) -> None:
    """pads and value: attributes → inputs."""
    attribute_to_input("pads", 1)(node, editor)
    if (given := node.attributes.pop("value", None)) is not None:
        value = np.asarray(given.as_float(), _dtype(node))
        set_input(node, 2, value, "value", editor)


def upsample(node: ir.Node, editor: Editor) -> None:
    """Upsample → Resize, which takes the same."""
    node.op_type = "Resize"


def resize(node: ir.Node, editor: Editor) -> None:
    """scales: second input → third; positions are as they were, x / scale."""
    scales = constant_of(node.inputs[1])
    mode = node.attributes.get_string("mode", "nearest")
    if mode == "nearest" and (scales is None or (scales.numpy() < 1).any()):
        raise CannotAdapt("its nearest neighbour is not defined when it shrinks")
    node.resize_inputs(3)
    node.replace_input_with(2, node.inputs[1])
    node.replace_input_with(1, None)
    node.attributes["coordinate_transformation_mode"] = ir.AttrString(
        "coordinate_transformation_mode", "asymmetric"
    )
    node.attributes["nearest_mode"] = ir.AttrString("nearest_mode", "floor")


def resize_tf(node: ir.Node, editor: Editor) -> None:
    """tf_half_pixel_for_nn was removed."""
    mode = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    if mode == "tf_half_pixel_for_nn":
        raise CannotAdapt("tf_half_pixel_for_nn is gone")


def dropout(node: ir.Node, editor: Editor) -> None:
    """ratio: attribute → input, which does nothing outside training."""
    node.attributes.pop("ratio", None)


def dropout_mask(node: ir.Node, editor: Editor) -> None:
    """The mask is bool now."""
    if len(node.outputs) > 1 and used(node.outputs[1]):
        raise CannotAdapt("its mask was a float")


def softmax(node: ir.Node, editor: Editor) -> None:
    """Over all axes from `axis` on → over the last of a flattened tensor, or one axis."""
    axis = node.attributes.get_int("axis", 1)
    data, shape = node.inputs[0], node.inputs[0].shape if node.inputs[0] else None
    assert data is not None
    if shape is not None:
        axis += len(shape) if axis < 0 else 0
        if all(size == 1 for size in list(shape)[axis + 1 :]):
            node.attributes["axis"] = ir.AttrInt64("axis", axis)
            return
    if axis == -1:
        return
    sizes = editor.inserted(node, "Shape", [data])
    flat = editor.inserted(node, "Flatten", [data], {"axis": axis})
    sizes.type, flat.type = ir.TensorType(ir.DataType.INT64), data.type
    inner = editor.inserted(node, node.op_type, [flat], {"axis": -1})
    inner.type = data.type
    node.op_type = "Reshape"
    node.attributes.clear()
    node.resize_inputs(2)
    node.replace_input_with(0, inner)
    node.replace_input_with(1, sizes)


def split_parts(node: ir.Node, editor: Editor) -> None:
    """Into equal parts: how many is said."""
    if len(node.inputs) < 2 or node.inputs[1] is None:
        count = len(node.outputs)
        node.attributes["num_outputs"] = ir.AttrInt64("num_outputs", count)


def batch_norm(node: ir.Node, editor: Editor) -> None:
    """Five outputs meant training; now an attribute does."""
    if any(used(value) for value in node.outputs[1:]):
        raise CannotAdapt("it is in training mode")
    if len(node.outputs) > 1:
        node.resize_outputs(1)


def roi_align(node: ir.Node, editor: Editor) -> None:
    """Half a pixel is now subtracted by default."""
    name = "coordinate_transformation_mode"
    node.attributes[name] = ir.AttrString(name, "output_half_pixel")


def grid_sample(node: ir.Node, editor: Editor) -> None:
    """bilinear → linear, bicubic → cubic."""
    mode = node.attributes.get_string("mode", "bilinear")
    node.attributes["mode"] = ir.AttrString("mode", mode.removeprefix("bi"))


def dft(node: ir.Node, editor: Editor) -> None:
    """axis: attribute → input."""
    given = node.attributes.pop("axis", None)
    axis = given.as_int() if given is not None else 1
    set_input(node, 2, np.array(axis, np.int64), "axis", editor)


def used(value: ir.Value) -> bool:
    """Whether anything reads the value."""
    return bool(value.uses()) or value.is_graph_output()


def set_input(
    node: ir.Node, index: int, values: np.ndarray, name: str, editor: Editor
) -> None:
    """Let an input be a new constant."""
    if len(node.inputs) <= index:
        node.resize_inputs(index + 1)
    assert node.graph is not None
    near = f"{node.outputs[0].name}_{name}"
    made = editor.constant(node.graph, values, near)
    node.replace_input_with(index, made)


def _dtype(node: ir.Node) -> np.dtype:
    data = node.inputs[0]
    if data is None or data.dtype is None:
        raise CannotAdapt("the type of what it takes is not known")
    dtype: np.dtype = np.dtype(data.dtype.numpy())
    return dtype


ADAPTERS: Mapping[tuple[str, int], Adapter] = {
    ("BatchNormalization", 14): batch_norm,
    ("Clip", 11): clip,
    ("DFT", 20): dft,
    ("Dropout", 10): dropout_mask,
    ("Dropout", 12): dropout,
    ("GridSample", 20): grid_sample,
    ("Hardmax", 13): softmax,
    ("LogSoftmax", 13): softmax,
    ("Pad", 11): pad,
    ("ReduceSum", 13): attribute_to_input("axes", 1),
    ("Resize", 11): resize,
    ("Resize", 13): resize_tf,
    ("RoiAlign", 16): roi_align,
    ("Scatter", 11): lambda node, editor: setattr(node, "op_type", "ScatterElements"),
    ("Slice", 10): slice_,
    ("Softmax", 13): softmax,
    ("Split", 13): attribute_to_input("split", 1),
    ("Split", 18): split_parts,
    ("Squeeze", 13): attribute_to_input("axes", 1),
    ("TopK", 10): topk,
    ("Unsqueeze", 13): attribute_to_input("axes", 1),
    ("Upsample", 10): upsample,
} | {
    (f"Reduce{name}", 18): attribute_to_input("axes", 1)
    for name in listed("L1 L2 LogSum LogSumExp Max Mean Min Prod SumSquare")
}
"""(op, the opset that changed it) → how."""
