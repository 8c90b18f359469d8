"""Nodes whose inputs are constants, computed once."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ...listing import listed
from ..bodies.bodies import Body
from ..bodies.editing import data, ordered
from ..ir.naming import parsed
from ..ir.protos import types
from ..ir.schemas import op_def
from ..ir.weights import constant, value_of
from ..opening.untrusted.operators import ARRAYS, MATHEMATICS, NETWORKS, RECORDS
from ..running import eager

FOLDED = listed(ARRAYS + MATHEMATICS + NETWORKS + RECORDS) - listed(
    """
    Const DeepCopy Empty FractionalAvgPool FractionalMaxPool ParallelConcat Placeholder
    PlaceholderV2 PlaceholderWithDefault RandomCrop SampleDistortedBoundingBox
    SampleDistortedBoundingBoxV2
    """
)
"""Ops that give the same each time."""

GROWING = listed(
    """
    BatchMatrixDiag BatchToSpace BatchToSpaceND BroadcastTo DecodeBmp DecodeCompressed
    DecodeGif DecodeImage DecodeJpeg DecodePng DecodeWav DecodeWebP Diag
    DrawBoundingBoxes Fill Gather GatherV2 LinSpace MatrixDiag MatrixDiagV2 MatrixDiagV3
    MirrorPad OneHot Pad PadV2 Range ResizeArea ResizeBicubic ResizeBilinear
    ResizeNearestNeighbor ScatterNd SparseToDense Tile
    """
)
"""Ops whose outputs' sizes are values of their inputs: these are looked at first."""

MOST = 1 << 16
"""Bytes that a constant may grow to; above, it may not be larger than its inputs."""


def fold_constants(body: Body) -> None:
    """Replace such nodes by Const nodes of their names, in the order that they run."""
    values: dict[str, Any] = {}
    for node in list(ordered(body.nodes)):
        if node.op == "Const" or not _folds(body, node):
            continue
        sources = [parsed(each)[0] for each in data(node)]
        if not all(body.nodes[each].op == "Const" for each in sources):
            continue
        taken = [_value(body, each, values) for each in sources]
        made = _computed(node, taken)
        if made is None:
            continue
        dtype = made.dtype.as_datatype_enum
        body.nodes[node.name] = constant(node.name, made.numpy(), dtype)
        values[node.name] = made


def _folds(body: Body, node: Any) -> bool:
    known = op_def(node.op)
    return (
        node.op in FOLDED
        and known is not None
        and not known.is_stateful
        and len(known.output_arg) == 1
        and not known.output_arg[0].number_attr
        and not known.output_arg[0].type_list_attr
        and bool(node.input)
        and not any(each.startswith("^") for each in node.input)
        and all(parsed(each)[0] in body.nodes for each in node.input)
    )


def _value(body: Body, name: str, values: dict[str, Any]) -> Any:
    if name not in values:
        node = body.nodes[name]
        values[name] = tf.constant(value_of(node), tf.as_dtype(node.attr["dtype"].type))
    return values[name]


def _computed(node: Any, taken: list[Any]) -> Any:
    """The node's output, None if it has none of a bounded size."""
    largest = max(MOST, sum(map(_bytes, taken)))
    if node.op in GROWING and _size(node, taken) > largest:
        return None
    try:
        (made,) = eager.run(node, taken)
    except (tf.errors.OpError, ValueError, TypeError):
        return None  # it fails as well when the model runs, or has no kernel here
    if made.dtype in (tf.resource, tf.variant) or _bytes(made) > largest:
        return None
    return made


def _bytes(value: Any) -> int:
    return int(np.prod(value.shape.as_list())) * int(value.dtype.size or 1)


def _size(node: Any, taken: list[Any]) -> float:
    """Bytes of the output as TensorFlow infers them, infinite if it can't."""
    graph = tf.Graph()
    with graph.as_default():
        ends = [tf.constant(each.numpy(), each.dtype) for each in taken]
        graph_def = graph.as_graph_def()
        made = graph_def.node.add()
        made.CopyFrom(node)
        made.name = "computed"
        del made.input[:]
        made.input.extend(each.op.name for each in ends)
    try:
        with tf.Graph().as_default():
            (found,) = tf.graph_util.import_graph_def(
                graph_def, return_elements=["computed:0"], name=""
            )
    except (ValueError, TypeError, tf.errors.OpError):
        return np.inf
    if not found.shape.is_fully_defined() or found.dtype == types.DT_VARIANT:
        return np.inf
    return _bytes(found)
