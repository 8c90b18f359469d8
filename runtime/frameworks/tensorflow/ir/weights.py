"""Const nodes, what they hold, and weights in a 16-bit format."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2
from tensorflow.python.framework import tensor_util

from ....graph.formats import LIMITS
from ....graph.graph import Precision
from ....graph.rounding import bf16_bits, within_range
from ...protocol import Array
from .protos import NodeDef
from .schemas import TYPES


def constant(name: str, value: Any, dtype: int | None = None) -> Any:
    """A Const node.

    Args:
        dtype: TensorFlow's, for what NumPy can't tell (strings).
    """
    node = NodeDef(name=name, op="Const")
    proto = tf.make_tensor_proto(value, dtype=dtype)
    node.attr["value"].tensor.CopyFrom(proto)
    node.attr["dtype"].type = proto.dtype
    return node


def value_of(node: Any) -> Array:
    """A Const node's value."""
    value: Array = np.asarray(tensor_util.MakeNdarray(node.attr["value"].tensor))
    return value


def stored(values: Array, precision: Precision) -> Array:
    """A fp32 constant as it is stored in `precision`, within the format's range.

    A single number that is not zero stays so: it may be all that a divisor is.
    """
    fitting = within_range(values.astype(np.float32, copy=False), precision)
    if fitting.size == 1 and precision is not Precision.FP32:
        limits = LIMITS[precision]
        flushed = (fitting != 0) & (np.abs(fitting) <= limits.flush)
        normal = np.float32(limits.flush * limits.whole)
        fitting = np.where(flushed, np.copysign(normal, fitting), fitting)
    match precision:
        case Precision.BF16:
            bits = bf16_bits(fitting)
            return bits.view(tf.bfloat16.as_numpy_dtype)
        case Precision.FP16:
            return fitting.astype(np.float16)
        case Precision.FP32:
            return fitting
        case Precision.INT8:
            raise ValueError("int8 is stored by a scale, which a format doesn't have")


def proto_of(values: Array, precision: Precision) -> Any:
    """A stored constant as TensorProto, its elements in 2 bytes each."""
    shape = [tensor_shape_pb2.TensorShapeProto.Dim(size=n) for n in values.shape]
    return tensor_pb2.TensorProto(
        dtype=TYPES[precision],
        tensor_shape=tensor_shape_pb2.TensorShapeProto(dim=shape),
        tensor_content=np.ascontiguousarray(values).tobytes(),
    )
