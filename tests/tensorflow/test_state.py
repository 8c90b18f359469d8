"""Tables, and variables that a model writes: as they were when it was loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
