"""Running single nodes on values, and constants as the values they hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2
from tensorflow.python.eager import context, execute
from tensorflow.python.framework import tensor_util

from ....graph.graph import Precision
from ....graph.rounding import bf16_bits, within_range
from ...protocol import Array
from ..ir import definitions
from ..ir.definitions import TYPES

Values = list[Any]


def run(node: Any, values: Sequence[Any]) -> Values:
    """The node's outputs.

    Raises:
        tf.errors.OpError: There is no kernel, or it fails.
    """
    made = execute.execute(
        node.op.encode(),
        len(definitions.outputs(node)),
        list(values),
        definitions.call_attributes(node),
        context.context(),
    )
    return list(made) if isinstance(made, (list, tuple)) else []


def cast(value: Any, precision: Precision) -> Any:
    """A tensor in another float format."""
    return tf.cast(value, TYPES[precision])


def array_of(node: Any) -> Array:
    """What a Const node holds."""
    value: Array = tensor_util.MakeNdarray(node.attr["value"].tensor)
    return value


def proto_of(values: Array, precision: Precision) -> Any:
    """A stored constant as TensorProto, its elements in 2 bytes each."""
    shape = [tensor_shape_pb2.TensorShapeProto.Dim(size=n) for n in values.shape]
    return tensor_pb2.TensorProto(
        dtype=TYPES[precision],
        tensor_shape=tensor_shape_pb2.TensorShapeProto(dim=shape),
        tensor_content=np.ascontiguousarray(values).tobytes(),
    )


def stored(values: Array, precision: Precision) -> Array:
    """A fp32 constant as it is stored in `precision`, within the format's range."""
    fitting = within_range(values.astype(np.float32, copy=False), precision)
    match precision:
        case Precision.BF16:
            bits = bf16_bits(fitting)
            return bits.view(tf.bfloat16.as_numpy_dtype)
        case Precision.FP16:
            return fitting.astype(np.float16)
        case Precision.FP32:
            return fitting


def widened(value: Any) -> Array:
    """A tensor as an array: 16-bit floats as float32, other dtypes as they are."""
    if value.dtype in (tf.bfloat16, tf.float16):
        value = tf.cast(value, tf.float32)
    array: Array = value.numpy()
    return np.asarray(array)
