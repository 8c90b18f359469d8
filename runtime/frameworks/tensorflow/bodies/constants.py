"""Const nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import tensor_util

from ...protocol import Array
from ..ir.protos import NodeDef


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
