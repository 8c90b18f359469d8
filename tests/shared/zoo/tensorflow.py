"""The zoo in TensorFlow, frozen: a step is the node of its name. Images are turned to
channels last first; what has state is a SavedModel."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from narrowcast.runtime.frameworks import tensorflow as adapter
from zoo import EPSILON, MODELS, SMALL, TURNS, Array, Contents, Weights

FILE = "model"
LACKS: dict[str, str] = {}
FLOATS = {
    tf.float32.as_datatype_enum: "float32",
    tf.bfloat16.as_datatype_enum: "bfloat16",
    tf.float16.as_datatype_enum: "float16",
}


def _dense(x: Any, w: Weights, name: str, step: str = "") -> Any:
    step = step or name
    if f"{name}.bias" not in w:
        return tf.matmul(x, w[f"{name}.weight"], name=step)
    product = tf.matmul(x, w[f"{name}.weight"], name=f"{step}/times")
    return tf.nn.bias_add(product, w[f"{name}.bias"], name=step)


def _residual(w: Weights, x: Any) -> Any:
    def conv(x: Any, name: str) -> Any:
        kernel = w[f"{name}.weight"].transpose(2, 3, 1, 0)
        return tf.nn.conv2d(x, kernel, 1, "SAME", name=name)

    x = tf.transpose(x, [0, 2, 3, 1])
    stem = tf.nn.bias_add(conv(x, "stem"), w["stem.bias"], name="stem/plus")
    parts = [w[f"norm.{part}"] for part in ("scale", "shift", "mean", "variance")]
    y, _mean, _variance = tf.compat.v1.nn.fused_batch_norm(
        conv(stem, "conv"), *parts, epsilon=EPSILON, is_training=False, name="norm"
    )
    y = tf.reduce_mean(tf.nn.relu(y + stem, "relu"), [1, 2], name="pool")
    return (_dense(y, w, "head"),)


def _mlp(w: Weights, x: Any) -> Any:
    y = tf.nn.relu(_dense(x, w, "first"), "relu")
    return (_dense(tf.identity(y, "drop"), w, "last"),)


def _outputs(w: Weights, x: Any) -> Any:
    feature = tf.nn.relu(_dense(x, w, "first"), "feature")
    scores = _dense(feature, w, "last", "scores")
    return feature, scores, tf.argmax(scores, 1, name="best")


def _embedding(w: Weights, ids: Any) -> Any:
    vectors = tf.gather(tf.constant(w["table.weight"]), ids, name="table")
    return (_dense(tf.reduce_mean(vectors, 1, name="pool"), w, "last"),)


def _shared(w: Weights, x: Any) -> Any:
    both = tf.constant(w["both.weight"], name="both")
    return (tf.matmul(tf.tanh(tf.matmul(x, both, name="once")), both, name="twice"),)


def _three(w: Weights, a: Any, b: Any, c: Any) -> Any:
    return (_dense(a, w, "first") * b + c,)


def _waves(w: Weights, x: Any, t: Any) -> Any:
    angle = tf.multiply(tf.cast(t, tf.float32), w["turns.weight"], name="angle")
    wave = tf.sin(angle, name="wave")
    return (_dense(tf.multiply(_dense(x, w, "first"), wave, name="times"), w, "last"),)


def _edge(w: Weights, x: Any) -> Any:
    return (tf.nn.relu(x, "relu") * SMALL,)


def _branch(w: Weights, x: Any) -> Any:
    y = _dense(x, w, "first")
    then = lambda: tf.nn.relu(_dense(y, w, "then"))  # noqa: E731
    other = lambda: tf.tanh(_dense(y, w, "else"))  # noqa: E731
    return (_dense(tf.cond(tf.reduce_sum(y) > 0, then, other), w, "last"),)


def _loop(w: Weights, x: Any) -> Any:
    _k, x = tf.while_loop(
        lambda k, x: k < TURNS,
        lambda k, x: (k + 1, tf.tanh(_dense(x, w, "turn"))),
        (tf.constant(0), x),
    )
    return (_dense(x, w, "last"),)


WRITERS: Mapping[str, Callable[..., Any]] = {
    "residual": _residual,
    "mlp": _mlp,
    "outputs": _outputs,
    "embedding": _embedding,
    "shared": _shared,
    "three": _three,
    "waves": _waves,
    "edge": _edge,
    "branch": _branch,
    "loop": _loop,
}


class Counting(tf.Module):
    """The model that has state."""

    def __init__(self, w: Weights) -> None:
        super().__init__()
        self.weights, self.count = dict(w), tf.Variable(tf.zeros(1))

    @tf.function(input_signature=[tf.TensorSpec((None, 16), tf.float32, "x")])
    def serve(self, x: Any) -> Any:
        count = self.count.assign_add(tf.ones(1))
        # In the order of the names, which is that of the outputs.
        return {"a": _dense(x, self.weights, "first"), "b": count + 0.0}


def build(name: str, folder: Path) -> Any:
    path, model = folder / name, MODELS[name]
    if not path.exists():
        write(name, path)
    if name == "state":
        return adapter.load_saved_model(path)
    outputs = (path.with_suffix(".txt")).read_text().split()
    return adapter.load_frozen_graph(path, inputs=[*model.inputs], outputs=outputs)


def write(name: str, path: Path) -> None:
    model = MODELS[name]
    if name == "state":
        module = Counting(model.weights)
        signatures = {"serving_default": module.serve}
        tf.saved_model.save(module, str(path), signatures=signatures)
        return
    made, outputs = _graph(name)
    path.write_bytes(made.as_graph_def().SerializeToString())
    path.with_suffix(".txt").write_text(" ".join(each.name for each in outputs))


def _graph(name: str) -> tuple[Any, Any]:
    """As people freeze it, and its outputs."""
    model = MODELS[name]
    with tf.Graph().as_default() as made:
        inputs = [
            tf.compat.v1.placeholder(v.dtype, [None, *v.shape[1:]], n)
            for n, v in model.inputs.items()
        ]
        return made, WRITERS[name](model.weights, *inputs)


def called(name: str, native: Any, batch: tuple[Array, ...]) -> tuple[Array, ...]:
    """By the names of the frozen graph, of a SavedModel by its signature's."""
    with tf.compat.v1.Session(graph=native) as session:
        session.run(native.get_collection("table_initializer"))
        tensor = native.get_tensor_by_name
        outputs = [tensor(each) for each in _names(name)]
        inputs = [tensor(f"{each}:0") for each in MODELS[name].inputs]
        assert all(each.dtype in (tf.float32, tf.int64) for each in outputs)
        return tuple(session.run(outputs, dict(zip(inputs, batch, strict=True))))


def _names(name: str) -> list[str]:
    if name == "state":
        return ["a:0", "b:0"]
    return [each.name for each in _graph(name)[1]]


def tensor(array: Array) -> Array:
    return array


def unchanged(model: Any) -> object:
    frozen = model.freeze()
    return frozen.graph_def.SerializeToString(deterministic=True), frozen.signatures


def pattern(step: str) -> str:
    return re.escape(step)


def contents(path: Path) -> Contents:
    data = (path / "saved_model.pb").read_bytes()
    graph = saved_model_pb2.SavedModel.FromString(data).meta_graphs[0].graph_def
    places = {"": graph.node}
    places |= {f.signature.name: f.node_def for f in graph.library.function}
    casts, weights = [], []
    for place, nodes in places.items():
        for node in nodes:
            to, source = (node.attr[key].type for key in ("DstT", "SrcT"))
            if node.op == "Cast" and to in FLOATS and source in FLOATS:
                casts.append((f"{place}/{node.input[0]}", FLOATS[to]))
            kind = node.attr["dtype"].type
            if node.op == "Const" and kind in FLOATS:
                dims = node.attr["value"].tensor.tensor_shape.dim
                weights.append((tuple(int(d.size) for d in dims), FLOATS[kind]))
    return Contents(tuple(casts), tuple(weights))
