"""Models as `tf.Graph`: what users feed and fetch has the names that they know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import placements
import pytest
import tensorflow as tf

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.tensorflow import native, open_native, open_supplied
from narrowcast.runtime.graph.graph import Precision

v1 = tf.compat.v1
BATCH = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
WEIGHT = np.random.default_rng(1).normal(size=(4, 6)).astype(np.float32)


def fetched(graph: Any, output: str, **feeds: Any) -> Any:
    """As Neural Compressor's users call a graph."""
    tensor = graph.get_tensor_by_name
    with v1.Session(graph=graph) as session:
        given = {tensor(f"{name}:0"): value for name, value in feeds.items()}
        return session.run(tensor(output), given)


def three(model: Any, folder: Path) -> dict[str, Any]:
    """The model as loaded, converted, and opened from its file."""
    traced = adapter.trace(model, (BATCH,), low=Precision.BF16, inputs=())
    converted = traced.apply(placements.all_low(traced, Precision.BF16))
    saved = traced.save(converted, folder / "saved")
    return {
        "loaded": native(model),
        "converted": native(converted),
        "saved": open_native(saved),
    }


def casts(graph: Any) -> int:
    return sum(node.op == "Cast" for node in graph.as_graph_def().node)


def test_a_frozen_graph_has_its_own_names(tmp_path: Path) -> None:
    """Also where the op that makes an output is in 16 bits, of one output or several."""
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [None, 4], name="input")
        y = tf.matmul(x, WEIGHT, name="product")
        tf.nn.relu(y, name="final")
        tf.split(y, 3, axis=1, name="parts")
    model = open_supplied(graph, outputs=["final", "parts:1", "parts:2"])
    product = BATCH @ WEIGHT
    for kind, found in three(model, tmp_path).items():
        tolerance = 1e-5 if kind == "loaded" else 0.05
        final = fetched(found, "final:0", input=BATCH)
        assert final.dtype == np.float32
        np.testing.assert_allclose(final, np.maximum(product, 0), atol=tolerance)
        for k in range(3):
            part = fetched(found, f"parts:{k}", input=BATCH)
            assert part.dtype == np.float32
            expected = product[:, 2 * k : 2 * k + 2]
            np.testing.assert_allclose(part, expected, atol=tolerance)
        assert bool(casts(found)) is (kind != "loaded")


def test_a_signature_gives_its_names(tmp_path: Path) -> None:
    module = tf.Module()
    module.weight = tf.Variable(WEIGHT)

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
    def serve(x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": x @ module.weight}

    tf.saved_model.save(module, str(tmp_path / "own"), signatures=serve)
    graphs = three(open_supplied(tmp_path / "own"), tmp_path)
    for found in graphs.values():
        for name in ("x", "serving_default_x"):
            value = fetched(found, "y:0", **{name: BATCH})
            np.testing.assert_allclose(value, BATCH @ WEIGHT, atol=0.05)
    assert casts(graphs["saved"]) and not casts(graphs["loaded"])


def test_a_keras_model_gives_its_inputs_names(tmp_path: Path) -> None:
    x = keras.Input((4,), name="image")
    model = keras.Model(x, keras.layers.Dense(6, name="head")(x))
    for found in three(open_supplied(model), tmp_path).values():
        value = fetched(found, "output_0:0", image=BATCH)
        np.testing.assert_allclose(value, model(BATCH), atol=0.05)


def test_a_table_is_filled_by_the_initializer(tmp_path: Path) -> None:
    words = keras.Input((2,), dtype="string", name="words")
    ids = keras.layers.StringLookup(vocabulary=["cat", "dog"])(words)
    model = open_supplied(keras.Model(words, keras.layers.Embedding(4, 3)(ids)))
    given = np.array([["cat", "dog"]], object)
    (expected,) = adapter.predictor(model)((given,))
    graph = native(model)
    with v1.Session(graph=graph) as session:
        with graph.as_default():
            session.run(v1.tables_initializer())
        tensor = graph.get_tensor_by_name
        found = session.run(tensor("output_0:0"), {tensor("words:0"): given})
    np.testing.assert_array_equal(found, expected)


class Counting(tf.Module):
    def __init__(self) -> None:
        self.weight, self.count = tf.Variable(WEIGHT), tf.Variable(tf.zeros(1))

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
    def __call__(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        count = self.count.assign_add(tf.ones(1))
        return {"y": x @ self.weight, "count": count + 0.0}


def test_state_begins_with_the_initializer(tmp_path: Path) -> None:
    module = Counting()
    tf.saved_model.save(module, str(tmp_path / "own"), signatures=module.__call__)
    for graph in three(open_supplied(tmp_path / "own"), tmp_path).values():
        tensor = graph.get_tensor_by_name
        with v1.Session(graph=graph) as session:
            session.run(graph.get_collection("table_initializer"))
            given = {tensor("x:0"): BATCH}
            counts = [session.run(tensor("count:0"), given)[0] for _time in range(2)]
        assert counts == [1, 2]


def test_what_is_no_saved_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="can't be opened"):
        open_native(tmp_path)
