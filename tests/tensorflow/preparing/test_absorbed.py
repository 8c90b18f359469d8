"""Whatever preparation removes, a pin on its name holds a neighbour."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.graph.pins import Pins, user_pins

X = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype(np.float32)
KERNEL = np.random.default_rng(1).normal(size=(3, 3, 3, 4)).astype(np.float32)
ONES = np.full(4, 1.5, np.float32)


def conv(x: Any) -> Any:
    return tf.nn.conv2d(x, KERNEL, 1, "VALID", name="conv")


def identity_of_an_input(x: Any) -> Any:
    return tf.exp(conv(tf.stop_gradient(x, name="gone")))


def folded_constant(x: Any) -> Any:
    kernel = tf.reverse(tf.constant(KERNEL), [0], name="gone")
    return tf.exp(tf.nn.conv2d(x, kernel, 1, "VALID", name="conv"))


def padded(x: Any) -> Any:
    sizes = [[0, 0], [1, 1], [1, 1], [0, 0]]
    return tf.exp(conv(tf.pad(tf.sin(x), sizes, name="gone")))


def norm(y: Any, name: str) -> Any:
    epsilon, statistics = 1e-3, (ONES, ONES, ONES, ONES)
    return tf.raw_ops.FusedBatchNormV3(
        x=y,
        scale=statistics[0],
        offset=statistics[1],
        mean=statistics[2],
        variance=statistics[3],
        epsilon=epsilon,
        is_training=False,
        name=name,
    ).y


CASES: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "identity": (
        lambda x: tf.exp(tf.stop_gradient(conv(x), name="gone")),
        "StopGradient",
        "conv",
    ),
    "check": (
        lambda x: tf.exp(tf.debugging.check_numerics(conv(x), "no", name="gone")),
        "CheckNumerics",
        "conv",
    ),
    "identity of an input": (identity_of_an_input, "StopGradient", "conv"),
    "neutral arithmetic": (
        lambda x: tf.exp(tf.multiply(conv(x), 1.0, name="gone")),
        "Mul",
        "conv",
    ),
    "folded constant": (folded_constant, "ReverseV2", "conv"),
    "padding": (padded, "Pad", "conv"),
    "norm": (lambda x: tf.exp(norm(conv(x), "gone")), "FusedBatchNormV3", "conv"),
    "after a norm": (
        lambda x: tf.exp(tf.stop_gradient(norm(conv(x), "norm"), name="gone")),
        "StopGradient",
        "conv",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_pin_on_what_is_gone_holds_its_neighbour(freeze: Any, case: str) -> None:
    build, type_, neighbour = CASES[case]
    model = freeze(build, (X,))
    graph = adapter.trace(model, (X,), low=Precision.BF16).graph
    for pins in (Pins(names={"gone": "op_wise"}), Pins(types={type_: "optype_wise"})):
        assert neighbour in user_pins(graph, pins)
        assert "exp" not in {name.lower() for name in user_pins(graph, pins)}


def test_what_goes_in_a_body_stays_in_it(freeze: Any) -> None:
    def model(x: Any) -> Any:
        def double() -> Any:
            return tf.exp(tf.stop_gradient(tf.sin(x, name="sine"), name="gone"))

        return tf.cond(tf.reduce_sum(x) > 0, double, lambda: tf.cos(x))

    graph = adapter.trace(freeze(model, (X,)), (X,), low=Precision.BF16).graph
    held = user_pins(graph, Pins(types={"StopGradient": "optype_wise"}))
    assert [graph.by_id[name].type for name in held] == ["Sin"]


def test_another_signature_is_held_if_it_is_converted(tmp_path: Any) -> None:
    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
        def serve(self, x: Any) -> Any:
            return {"y": tf.exp(x)}

        @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
        def other(self, x: Any) -> Any:
            return {"y": tf.sinh(x, name="elsewhere")}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="x")])
        def texts(self, x: Any) -> Any:
            return {"y": tf.cosh(tf.strings.to_number(x), name="in_text")}

    model = Model()
    path = tmp_path / "model"
    signatures = {
        "serving_default": model.serve,
        "other": model.other,
        "texts": model.texts,
    }
    tf.saved_model.save(model, str(path), signatures=signatures)
    batch = np.ones((2, 4), np.float32)
    loaded = adapter.load_saved_model(path)
    graph = adapter.trace(loaded, (batch,), low=Precision.BF16).graph
    assert list(user_pins(graph, Pins(types={"Sinh": "optype_wise"}))) == ["elsewhere"]
    assert user_pins(graph, Pins(types={"Cosh": "optype_wise"})) == {}


def test_a_branch_that_is_settled_keeps_all_names(
    tmp_path: Any, prepared_again: Any
) -> None:
    """TensorFlow 1's: what hands a branch on is part of it, what is dead of what fed it."""
    v1 = tf.compat.v1
    v1.disable_control_flow_v2()
    try:
        with tf.Graph().as_default() as graph:
            x = v1.placeholder(tf.float32, [None, 4], name="x")
            phase = v1.placeholder_with_default(False, [], name="learning_phase")
            fed = tf.sin(x, name="fed")

            def dead() -> Any:
                return tf.exp(fed, name="dead")

            def live() -> Any:
                return tf.tanh(fed, name="live")

            tf.nn.relu(v1.cond(phase, dead, live, name="choice"), name="y")
    finally:
        v1.enable_control_flow_v2()
    (tmp_path / "m.pb").write_bytes(graph.as_graph_def().SerializeToString())
    model = adapter.load_frozen_graph(tmp_path / "m.pb", outputs=["y"])
    found = prepared_again(model.freeze(), [np.ones((2, 4), np.float32)])
    assert found.ops == ["Relu", "Sin", "Tanh"]
    assert "Merge" in found.absorbed("choice/live").values()
    assert found.absorbed("fed")["choice/dead"] == "Exp"
