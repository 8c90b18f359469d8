"""Tables, and variables that a model writes: as they were when it was loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.protocol import restart
from narrowcast.runtime.graph.graph import Precision

BF16 = Precision.BF16
BATCH = (np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32),)


class Counting(tf.Module):
    """Each call adds one."""

    def __init__(self) -> None:
        super().__init__()
        weight = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
        self.weight, self.calls = tf.Variable(weight), tf.Variable(5.0)

    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32)])
    def serve(self, x: Any) -> Any:
        self.calls.assign_add(1.0)
        return {"sum": tf.matmul(x, self.weight, name="product"), "n": self.calls + 0.0}


class Translating(tf.Module):
    """Tokens to numbers to vectors."""

    def __init__(self) -> None:
        super().__init__()
        weight = np.random.default_rng(1).normal(size=(3, 3)).astype(np.float32)
        self.weight = tf.Variable(weight)
        self.table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer([3, 5, 8], [0, 2, 1]), 0
        )

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.int32)])
    def serve(self, tokens: Any) -> Any:
        vectors = tf.gather(self.weight, self.table.lookup(tokens))
        return {"sum": tf.matmul(vectors, self.weight, name="product")}


def convert(module: Any, batch: Any, tmp_path: Path) -> tuple[Any, Any, Path]:
    tf.saved_model.save(
        module, str(tmp_path / "in"), signatures={"serving_default": module.serve}
    )
    model = adapter.load_saved_model(tmp_path / "in")
    program = adapter.trace(model, batch, low=BF16)
    placement = {
        op.id: BF16 if op.kernel(BF16) else Precision.FP32 for op in program.graph.ops
    }
    converted = program.apply(placement)
    return model, converted, program.save(converted, tmp_path / "out.bf16")


def test_a_counter_starts_where_the_model_was_loaded(tmp_path: Path) -> None:
    _model, converted, path = convert(Counting(), BATCH, tmp_path)
    order = [each.name for each in converted.outputs]
    for predict in (adapter.predictor(converted), adapter.load_saved(path)):
        counts = [float(predict(BATCH)[order.index("n")]) for _ in range(2)]
        assert counts == [6.0, 7.0]
        restart(predict)
        assert float(predict(BATCH)[order.index("n")]) == 6.0


def test_plain_tensorflow_counts_on(tmp_path: Path) -> None:
    _model, _converted, path = convert(Counting(), BATCH, tmp_path)
    serve = tf.saved_model.load(str(path)).signatures["serving_default"]
    key = next(iter(serve.structured_input_signature[1]))
    counts = [float(serve(**{key: tf.constant(BATCH[0])})["n"]) for _ in range(2)]
    assert counts == [6.0, 7.0]


def test_tables_come_along(tmp_path: Path) -> None:
    tokens = (np.array([8, 5, 3, 9], np.int32),)
    model, converted, path = convert(Translating(), tokens, tmp_path)
    expected = model(tokens)[0]
    for predict in (adapter.predictor(converted), adapter.load_saved(path)):
        np.testing.assert_allclose(predict(tokens)[0], expected, rtol=0.03, atol=0.03)
    assert not np.array_equal(adapter.predictor(converted)(tokens)[0], expected)


def test_errors_of_a_model_with_state_do_not_depend_on_calls(tmp_path: Path) -> None:
    module = Counting()
    tf.saved_model.save(
        module, str(tmp_path / "in"), signatures={"serving_default": module.serve}
    )
    model = adapter.load_saved_model(tmp_path / "in")
    program = adapter.trace(model, BATCH, low=BF16)
    name = next(op.id for op in program.graph.ops if op.type == "MatMul")
    errors = [program.error(BF16, [name]) for _ in range(2)]
    assert errors[0] == errors[1] == pytest.approx(2e-3, rel=0.9)


class Remembering(tf.Module):
    """h = tanh(xW + hR), which the next call goes on from."""

    def __init__(self) -> None:
        super().__init__()
        make = np.random.default_rng(1).normal
        self.w = tf.Variable(make(size=(4, 8)).astype(np.float32))
        self.r = tf.Variable(make(size=(8, 8)).astype(np.float32) / 3)
        self.h = tf.Variable(np.full((2, 8), 0.5, np.float32))

    @tf.function(input_signature=[tf.TensorSpec((2, 4), tf.float32)])
    def serve(self, x: Any) -> Any:
        self.h.assign(tf.tanh(x @ self.w + self.h @ self.r))
        return {"h": tf.identity(self.h)}


def calls(predict: Any, count: int = 3) -> list[Any]:
    return [predict(BATCH)[0] for _ in range(count)]


def test_a_recurrent_state_is_kept_and_updated(tmp_path: Path) -> None:
    model, converted, path = convert(Remembering(), BATCH, tmp_path)
    restart(model)
    expected = calls(model)
    assert not np.allclose(expected[0], expected[1], atol=0.05)
    for predict in (adapter.predictor(converted), adapter.load_saved(path)):
        for found, value in zip(calls(predict), expected, strict=True):
            assert 0 < np.linalg.norm(found - value) < 0.02 * np.linalg.norm(value)
        restart(predict)
        again = predict(BATCH)[0]
        assert np.linalg.norm(again - expected[0]) < 0.02 * np.linalg.norm(expected[0])
    nodes = {node.name: node for node in converted.graph_def.node}
    (state,) = (node for node in nodes.values() if node.op == "VarHandleOp")
    assert state.attr["dtype"].type == tf.float32.as_datatype_enum


class Adding(keras.layers.Layer):
    """Adds up what it is given, in a variable that Keras would train."""

    def build(self, shape: Any) -> None:
        self.total = self.add_weight(shape=shape, initializer="zeros", name="total")
        self.plain = tf.Variable(tf.ones(shape), name="plain")

    def call(self, x: Any) -> Any:
        self.total.assign(self.total + x)
        self.plain.assign(self.plain * 2.0)
        return self.total + self.plain


@pytest.fixture
def streaming() -> keras.Model:
    keras.utils.set_random_seed(0)
    x = keras.Input(batch_shape=(2, 5, 4), name="x")
    y = keras.layers.LSTM(8, stateful=True, return_sequences=True)(x)
    y = keras.layers.GRU(8, stateful=True)(y)
    return keras.Model(x, Adding()(keras.layers.Dense(3)(y)))


def test_a_keras_model_starts_as_it_was_loaded(
    streaming: keras.Model, all_low: Any
) -> None:
    batch = (np.random.default_rng(0).normal(size=(2, 5, 4)).astype(np.float32),)
    streaming(batch[0])  # the user has called it before
    model = adapter.keras_model(streaming)
    program = adapter.trace(model, batch, low=BF16)
    restart(model)
    expected = [model(batch)[0] for _ in range(3)]
    restart(model)
    np.testing.assert_array_equal(model(batch)[0], expected[0])
    predict = adapter.predictor(program.apply(all_low(program)))
    for value in expected:
        found = predict(batch)[0]
        assert 0 < np.linalg.norm(found - value) < 0.02 * np.linalg.norm(value)


def test_the_same_model_is_the_same_graph_each_time(
    streaming: keras.Model, tmp_path: Path
) -> None:
    path = tmp_path / "m.keras"
    x = streaming.inputs[0]
    keras.Model(x, streaming.layers[2].output).save(path)
    found, kept = set(), []
    for _ in range(4):  # at other addresses, and after more names were made
        kept.append(adapter.load_keras(path))
        frozen = kept[-1].freeze()
        found.add(frozen.graph_def.SerializeToString(deterministic=True))
    assert len(found) == 1


def test_a_table_that_is_written_starts_as_it_was_loaded(tmp_path: Path) -> None:
    class Noting(tf.Module):
        """Remembers the sum of what it was given last."""

        def __init__(self) -> None:
            super().__init__()
            self.weight = tf.Variable(np.eye(4, dtype=np.float32))
            self.table = tf.lookup.experimental.MutableHashTable(
                tf.int64, tf.float32, -1.0
            )
            self.table.insert(tf.constant([0], tf.int64), tf.constant([5.0]))

        @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32)])
        def serve(self, x: Any) -> Any:
            key = tf.zeros((1,), tf.int64)
            before = self.table.lookup(key)
            self.table.insert(key, tf.reduce_sum(x @ self.weight)[None])
            return {"before": before + 0.0}

    _model, converted, path = convert(Noting(), BATCH, tmp_path)
    total = float(BATCH[0].sum())
    for predict in (adapter.predictor(converted), adapter.load_saved(path)):
        for _time in range(2):
            restart(predict)
            found = [float(each[0]) for each in calls(predict, 2)]
            np.testing.assert_allclose(found, [5.0, total], rtol=0.02)
