"""TensorFlow's gradients for nodes that run one by one, where it has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import backprop, record
from tensorflow.python.framework import ops

from . import definitions

Backward = Callable[..., list[Any]]
"""The gradients of a node's outputs → those of its inputs, None where there is none."""

PASSING = {"StopGradient": "Identity", "PreventGradient": "Identity"}
"""Op → the one whose gradient it has when nothing is trained: values do go through."""


def recorded(node: Any, values: Sequence[Any], made: Sequence[Any]) -> None:
    """Have open tapes go back through a node that ran, if its op has a gradient."""
    backward = backward_of(node, values, made)
    if backward is not None:
        record.record_operation(node.op, list(made), list(values), backward)


def backward_of(
    node: Any, values: Sequence[Any], made: Sequence[Any]
) -> Backward | None:
    """How a node's gradients are made, None where TensorFlow has registered none.

    One that fails ends the path there, as where there is none.
    """
    try:
        registered = ops._gradient_registry.lookup(PASSING.get(node.op, node.op))
    except LookupError:
        return None
    if registered is None:
        return None
    constant = tuple(
        index
        for index, value in enumerate(values)
        if not record.should_record_backprop([value])
    )
    known = definitions.all_attributes(node)

    def backward(*gradients: Any) -> list[Any]:
        called = backprop._MockOp(known, list(values), list(made), node.op, constant)
        try:
            found = tf.nest.flatten(registered(called, *gradients))
            return [None if each is None else _dense(each) for each in found]
        except UNAVAILABLE:
            return [None] * len(values)

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


def _dense(gradient: Any) -> Any:
    return tf.convert_to_tensor(gradient)
