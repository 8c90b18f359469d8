"""TensorFlow's gradients of nodes that run one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import backprop, record
from tensorflow.python.framework import ops

from . import eager

Backward = Callable[..., list[Any]]
"""The gradients of a node's outputs → those of its inputs, None where there is none."""

PASSING = {"StopGradient": "Identity", "PreventGradient": "Identity"}
"""Op → the one whose gradient it has when nothing is trained: values do go through."""


def recorded(node: Any, values: Sequence[Any], made: Sequence[Any]) -> None:
    """Have open tapes go back through a node that ran.

    Where there is no gradient or it fails, what comes back is NaN: what passes by on
    other ways says nothing of the whole. None comes back where rounding is flat.
    """
    record.record_operation(
        node.op, list(made), list(values), _backward(node, values, made)
    )


def _backward(node: Any, values: Sequence[Any], made: Sequence[Any]) -> Backward:
    constant = tuple(
        index
        for index, value in enumerate(values)
        if not record.should_record_backprop([value])
    )

    def backward(*gradients: Any) -> list[Any]:
        try:
            registered = ops._gradient_registry.lookup(PASSING.get(node.op, node.op))
            if registered is None:
                return [None] * len(values)
            known = eager.all_attributes(node)
            called = backprop._MockOp(known, values, made, node.op, constant)
            found = tf.nest.flatten(registered(called, *gradients))
            dense = tf.convert_to_tensor
            return [None if each is None else dense(each) for each in found]
        except UNAVAILABLE:
            return [_unknown(value) for value in values]

    return backward


UNAVAILABLE = (
    tf.errors.OpError,
    ArithmeticError,
    AttributeError,
    LookupError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What registered gradients raise for attributes, dtypes or modes they don't know."""


def _unknown(value: Any) -> Any:
    return tf.fill(value.shape, np.nan) if value.dtype == tf.float32 else None
