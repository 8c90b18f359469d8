"""Sizes that vary, written as a number that is none: -1 (Paddle), or 0."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import onnx

from . import walk


def open_sizes(proto: onnx.ModelProto) -> None:
    """Let negative sizes be unknown ones, as runtimes read them.

    Zeros too where an input has one: a model that takes no values at all is not meant.
    """
    least = 0
    given = [size for info in proto.graph.input for size in _sizes(info.type)]
    if any(size.HasField("dim_value") and size.dim_value == 0 for size in given):
        least = 1
    for size in _all(proto):
        if size.HasField("dim_value") and size.dim_value < least:
            size.ClearField("dim_value")


def _all(proto: onnx.ModelProto) -> Iterator[onnx.TensorShapeProto.Dimension]:
    infos: list[Iterable[onnx.ValueInfoProto]] = []
    for graph in walk.graphs(proto):
        infos += [graph.input, graph.output, graph.value_info]
    infos += [function.value_info for function in proto.functions]
    for info in (each for several in infos for each in several):
        yield from _sizes(info.type)


def _sizes(type_: onnx.TypeProto) -> Iterator[onnx.TensorShapeProto.Dimension]:
    """Those of a tensor, or of the tensors in a sequence or an optional value."""
    while True:
        if type_.HasField("tensor_type"):
            yield from type_.tensor_type.shape.dim
            return
        if type_.HasField("sequence_type"):
            type_ = type_.sequence_type.elem_type
        elif type_.HasField("optional_type"):
            type_ = type_.optional_type.elem_type
        else:
            return
