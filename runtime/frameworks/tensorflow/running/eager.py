"""Running single nodes on values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context, execute

from ....graph.formats import LIMITS
from ....graph.graph import Precision
from ...protocol import Array
from ..ir import schemas
from ..ir.schemas import TYPES

Values = list[Any]


def run(node: Any, values: Sequence[Any]) -> Values:
    """The node's outputs.

    Raises:
        tf.errors.OpError: There is no kernel, or it fails.
    """
    made = execute.execute(
        node.op.encode(),
        len(schemas.outputs(node)),
        list(values),
        call_attributes(node),
        context.context(),
    )
    return list(made) if isinstance(made, (list, tuple)) else []


def cast(value: Any, precision: Precision) -> Any:
    """A tensor in another float format."""
    return tf.cast(value, TYPES[precision])


def fitted(value: Any, precision: Precision) -> Any:
    """A fp32 tensor whose finite values are within the range of a 16-bit format."""
    largest = LIMITS[precision].largest
    clipped = tf.clip_by_value(value, -largest, largest)
    return tf.where(tf.math.is_inf(value), value, clipped)


def call_attributes(node: Any) -> tuple[Any, ...]:
    """The node's attributes as eager execution takes them: name, value, name, …"""
    found: list[Any] = []
    for each in schemas.op_def(node.op).attr:
        if each.name in node.attr:
            found += [each.name, _plain(node.attr[each.name], each.type)]
    return tuple(found)


def all_attributes(node: Any) -> tuple[Any, ...]:
    """`call_attributes`, with the defaults of those that the node leaves out."""
    found: list[Any] = []
    for each in schemas.op_def(node.op).attr:
        if each.name in node.attr or each.HasField("default_value"):
            found += [each.name, _plain(schemas.attribute(node, each.name), each.type)]
    return tuple(found)


def _plain(value: Any, kind: str) -> Any:
    plain = kind.removeprefix("list(").removesuffix(")")
    field = _FIELDS.get(plain, plain)
    if plain != kind:
        return [_one(each, plain) for each in getattr(value.list, field)]
    return _one(getattr(value, field), kind)


def _one(value: Any, kind: str) -> Any:
    match kind:
        case "shape":
            return None if value.unknown_rank else [each.size for each in value.dim]
        case "func":
            return value.name
    return value


_FIELDS = {"string": "s", "int": "i", "float": "f", "bool": "b"}
"""Kind of an attribute → its field, where that is not called the same."""


def widened(value: Any) -> Array:
    """A tensor as an array: 16-bit floats as float32, other dtypes as they are."""
    if value.dtype in (tf.bfloat16, tf.float16):
        value = tf.cast(value, tf.float32)
    array: Array = value.numpy()
    return np.asarray(array)
