"""The transformer of `rows.py` as a frozen graph: a step `layers.0.mlp.relu` is the node
`layers/0/mlp/relu`, a layer norm the nodes that Keras writes for it, in that scope."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import rows
import tensorflow as tf

from narrowcast.runtime.frameworks import tensorflow as adapter


def _reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, at, name: function(x, list(at), keepdims=True, name=name)


def _layer_norm(x: Any, scale: Any, shift: Any, at: Sequence[int], name: str) -> Any:
    with tf.name_scope(f"{name}/"):
        mean, variance = tf.nn.moments(x, [-1], keepdims=True)
        return tf.nn.batch_normalization(x, mean, variance, shift, scale, rows.EPSILON)


OPS: Mapping[str, Callable[..., Any]] = {
    "add": lambda a, b, at, name: tf.add(a, b, name),
    "sub": lambda a, b, at, name: tf.subtract(a, b, name),
    "mul": lambda a, b, at, name: tf.multiply(a, b, name),
    "div": lambda a, b, at, name: tf.divide(a, b, name),
    "matmul": lambda a, b, at, name: tf.matmul(a, b, name=name),
    "relu": lambda x, at, name: tf.nn.relu(x, name),
    "exp": lambda x, at, name: tf.exp(x, name),
    "log": lambda x, at, name: tf.math.log(x, name),
    "sqrt": lambda x, at, name: tf.sqrt(x, name),
    "sin": lambda x, at, name: tf.sin(x, name),
    "cos": lambda x, at, name: tf.cos(x, name),
    "tanh": lambda x, at, name: tf.tanh(x, name),
    "sigmoid": lambda x, at, name: tf.sigmoid(x, name),
    "sum": _reduction(tf.reduce_sum),
    "mean": _reduction(tf.reduce_mean),
    "max": _reduction(tf.reduce_max),
    "softmax": lambda x, at, name: tf.nn.softmax(x, name=name),
    "layer_norm": _layer_norm,
    "reshape": lambda x, at, name: tf.reshape(x, at, name),
    "transpose": lambda x, at, name: tf.transpose(x, at, name=name),
    "concat": lambda *xs, at, name: tf.concat(xs, -1, name),
    "argmax": lambda x, at, name: tf.argmax(x, -1, name=name),
}


def graph(network: rows.Network) -> tuple[Any, list[str]]:
    """The graph with its weights as constants, and the tensors that it returns."""
    with tf.Graph().as_default() as made:
        known: dict[Any, Any] = {
            name: tf.compat.v1.placeholder(tf.float32, [None, *shape], name)
            for name, shape in rows.INPUTS.items()
        }
        for name, array in network.weights.items():
            known[name] = tf.constant(array, name=_node(name))
        for step in network.steps:
            read = [known.get(name, name) for name in step.inputs]
            known[step.name] = OPS[step.op](*read, at=step.at, name=_node(step.name))
        return made.as_graph_def(), [known[name].name for name in network.outputs]


def _node(name: str) -> str:
    return name.replace(".", "/")


def build(network: rows.Network, folder: Path) -> Any:
    """The network as it is loaded from a file."""
    made, outputs = graph(network)
    path = folder / "rows.pb"
    path.write_bytes(made.SerializeToString())
    return adapter.load_frozen_graph(path, inputs=[*rows.INPUTS], outputs=outputs)
