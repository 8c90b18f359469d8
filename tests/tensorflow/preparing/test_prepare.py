"""What is computed beforehand, and what is left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from narrowcast.runtime.frameworks.tensorflow import load_frozen_graph
from narrowcast.runtime.frameworks.tensorflow.preparation.prepare import prepare

Make = Callable[..., Any]


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


X = random(2, 4)


def test_what_depends_on_constants_is_computed_once(prepared: Make) -> None:
    weight = tf.Variable(random(3, 4))

    def call(x: tf.Tensor) -> tf.Tensor:
        scaled = tf.transpose(weight, name="turned") * 2.0
        return tf.matmul(x, tf.nn.softmax(scaled), name="product")

    found = prepared(call, X, w=weight)
    assert found.ops == ["MatMul"]
    assert "turned" in found.absorbed("product")


def test_constants_do_not_grow(prepared: Make) -> None:
    def call(x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(tf.fill([300, 300], 2.0)) + tf.fill([7], 1.0)[0] * x

    found = prepared(call, X)
    assert "Fill" in found.ops
    assert found.ops.count("Fill") == 1


def test_random_numbers_are_not_frozen(prepared: Make) -> None:
    def call(x: tf.Tensor) -> tf.Tensor:
        return x + 1e-9 * tf.random.uniform([4])

    assert "RandomUniform" in prepared(call, X).ops


def test_identities_and_checks_go(prepared: Make) -> None:
    def call(x: tf.Tensor) -> dict[str, tf.Tensor]:
        checked = tf.debugging.check_numerics(tf.identity(x), "not finite")
        with tf.control_dependencies([tf.debugging.Assert(x[0, 0] < 99, [x])]):
            y = tf.tanh(tf.stop_gradient(checked), name="tanh")
        return {"y": tf.identity(y, name="last"), "x": tf.identity(x)}

    found = prepared(call, X)
    assert found.ops == ["Identity", "Tanh"]
    assert {"last"} <= found.absorbed("tanh").keys()


def test_an_output_that_is_an_input_or_a_constant_stays_a_node(prepared: Make) -> None:
    def call(x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"x": tf.identity(x), "c": tf.constant([1.0, 2.0]) * 3.0}

    found = prepared(call, X)
    outputs = {each.tensor.partition(":")[0] for each in found.prepared.outputs}
    inputs = {each.tensor.partition(":")[0] for each in found.prepared.inputs}
    assert not outputs & inputs


def test_constants_go_into_bodies(prepared: Make) -> None:
    weight = tf.Variable(random(4, 4))

    def call(x: tf.Tensor) -> tf.Tensor:
        scale = tf.transpose(weight)
        for _ in tf.range(3):
            if x[0, 0] > 0:
                x = tf.tanh(x @ scale)
            else:
                x = x @ scale
                x = tf.sin(x)
        return x

    found = prepared(call, X, w=weight)
    (loop,) = [n for n in found.prepared.graph_def.node if n.op.endswith("While")]
    shapes = list(loop.attr["output_shapes"].list.shape)
    assert len(loop.input) == len(loop.attr["T"].list.type) == len(shapes)
    for function in found.prepared.graph_def.library.function:
        for node in function.node_def:
            if node.op == "MatMul":
                weights = {n.name for n in function.node_def if n.op == "Const"}
                arguments = {a.name for a in function.signature.input_arg}
                weight_ = node.input[1].partition(":")[0]
                assert weight_ in weights or "transpose" in weight_.lower()
                assert weight_ not in arguments


def test_writes_keep_their_order(prepared: Make) -> None:
    total = tf.Variable([0.0])

    def call(x: tf.Tensor) -> tf.Tensor:
        before = total.read_value()
        total.assign_add(tf.reduce_sum(x, keepdims=True)[0])
        after = total.read_value()
        total.assign(after * 2.0)
        return tf.stack([before, after, total.read_value()])

    found = prepared(call, np.array([[1.0], [2.0]], np.float32), t=total)
    np.testing.assert_allclose(found.expected[0][:, 0], [0, 3, 6])


def test_preparing_twice_changes_nothing(prepared: Make) -> None:
    weight = tf.Variable(random(4, 4))
    once = prepared(lambda x: tf.nn.relu(x @ weight + 1.0), X, w=weight).prepared
    again = prepare(once)
    assert again.graph_def == once.graph_def
    assert again.absorbed == once.absorbed


@pytest.mark.parametrize("depth", [3000])
def test_deep_graphs_need_no_recursion(depth: int, prepared: Make) -> None:
    def call(x: tf.Tensor) -> tf.Tensor:
        for _ in range(depth):
            x = tf.raw_ops.Neg(x=x)
        return x

    assert prepared(call, X).ops == ["Neg"] * depth


@pytest.mark.parametrize("training", [False, True])
def test_a_constant_learning_phase_settles_old_conds(
    training: bool, tmp_path: Path, prepared_again: Make
) -> None:
    """As Keras on TensorFlow 1 wrote dropout and batch norms."""
    v1 = tf.compat.v1
    v1.disable_control_flow_v2()
    try:
        with tf.Graph().as_default() as graph:
            x = v1.placeholder(tf.float32, [None, 4], name="x")
            phase = v1.placeholder_with_default(training, [], name="learning_phase")
            half = v1.cond(phase, lambda: x * 0.5, lambda: tf.identity(x))
            other = v1.cond(phase, lambda: half + 1.0, lambda: tf.tanh(half))
            tf.nn.relu(tf.matmul(other, random(4, 3)), name="y")
    finally:
        v1.enable_control_flow_v2()
    (tmp_path / "m.pb").write_bytes(graph.as_graph_def().SerializeToString())
    model = load_frozen_graph(tmp_path / "m.pb", outputs=["y"])
    assert {"Switch", "Merge"} <= {node.op for node in model.graph_def.node}
    found = prepared_again(model.freeze(), [X])
    assert found.ops == sorted(
        ["Mul", "AddV2", "MatMul", "Relu"] if training else ["Tanh", "MatMul", "Relu"]
    )
    expected = X * 0.5 + 1.0 if training else np.tanh(X)
    np.testing.assert_allclose(
        found.expected[0], np.maximum(expected @ random(4, 3), 0), rtol=1e-5
    )
