"""Sparse tensors made dense: no runtime computes with them as they are."""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from ....refusals import Damaged, shown
from . import walk

MOST = 1 << 26
"""Bytes that any sparse tensor may take when it is dense."""

SPARSEST = 1 << 10
"""Of a larger one, bytes for each byte in the file: a few may stand for terabytes."""


def make_dense(proto: onnx.ModelProto) -> None:
    """Write sparse initializers and constants as dense ones of the same name.

    Raises:
        Damaged: Indices are not within the shape, or what it takes is out of proportion.
    """
    for graph in walk.graphs(proto):
        for one in graph.sparse_initializer:
            name = one.values.name
            graph.initializer.append(_dense(one, name, f"initializer `{name}`"))
        del graph.sparse_initializer[:]
    for node in walk.nodes(proto):
        for attribute in node.attribute:
            place = f"attribute `{attribute.name}` of {walk.label(node)}"
            if attribute.sparse_tensors:
                raise Damaged(f"has sparse tensors that nothing reads: {shown(place)}")
            if not attribute.HasField("sparse_tensor"):
                continue
            if node.op_type != "Constant" or attribute.name != "sparse_value":
                raise Damaged(f"has a sparse tensor that nothing reads: {shown(place)}")
            attribute.t.CopyFrom(_dense(attribute.sparse_tensor, "", place))
            attribute.ClearField("sparse_tensor")
            attribute.name, attribute.type = "value", onnx.AttributeProto.TENSOR


def _dense(one: onnx.SparseTensorProto, name: str, place: str) -> onnx.TensorProto:
    """The same values in a tensor of their shape.

    Indices are places in the flattened tensor (NNZ), or coordinates (NNZ, rank).
    """
    if onnx.TensorProto.EXTERNAL in (
        one.values.data_location,
        one.indices.data_location,
    ):  # no file is opened here
        raise Damaged(f"has a sparse tensor outside of the file: {shown(place)}")
    try:
        values = numpy_helper.to_array(one.values)
        indices = numpy_helper.to_array(one.indices)
    except Exception as error:  # onnx and NumPy say in many ways that sizes don't fit
        raise Damaged(f"has a damaged sparse tensor: {shown(place)}") from error
    sizes = tuple(one.dims)
    whole, given = prod(sizes) * values.itemsize, values.nbytes + indices.nbytes
    if min(sizes, default=0) < 0 or whole > max(MOST, SPARSEST * given):
        raise Damaged(f"has a sparse tensor that is too large: {shown(place)}")
    flat = _places(indices, sizes) if indices.dtype == np.int64 else None
    if (
        flat is None
        or values.ndim != 1
        or values.dtype == object
        or flat.shape != values.shape
    ):
        raise Damaged(f"has a sparse tensor whose indices don't fit: {shown(place)}")
    made = np.zeros(prod(sizes), values.dtype)
    made[flat] = values
    return numpy_helper.from_array(made.reshape(sizes), name)


def _places(
    indices: npt.NDArray[np.int64], sizes: tuple[int, ...]
) -> npt.NDArray[np.int64] | None:
    """Places in the flattened tensor, None where some are outside of it."""
    bounds = np.array(sizes if indices.ndim == 2 else [prod(sizes)], np.int64)
    table = indices if indices.ndim == 2 else indices.reshape(-1, 1)
    if indices.ndim not in (1, 2) or table.shape[1] != len(bounds):
        return None
    if table.size and ((table < 0) | (table >= bounds)).any():
        return None
    if indices.ndim == 1:
        return indices
    return np.ravel_multi_index(tuple(table.T), sizes) if sizes else None
