"""Every form that a model comes in, in both precisions: as docs/guides/tensorflow.md has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.graph.graph import Kind, Precision


def net() -> Any:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    x = keras.Input((8, 8, 4), name="image")
    y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3)(x)))
    return keras.Model(x, layers.Dense(3, name="logits")(layers.Flatten()(y)))


def saved_model(folder: Path) -> Any:
    net().export(str(folder / "m"), verbose=False)
    return adapter.load_saved_model(folder / "m")


def legacy_saved_model(folder: Path) -> Any:
    """As TensorFlow 1 wrote it: variables restored by a saver, tag `serve`."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 8, 8, 4], "image")
        w = v1.get_variable("w", [3, 3, 4, 8], use_resource=False)
        logits = tf.reduce_mean(tf.nn.relu(tf.nn.conv2d(x, w, 1, "SAME")), [1, 2])
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(
            session, str(folder / "m"), {"image": x}, {"logits": logits}
        )
    return adapter.load_saved_model(folder / "m")


def frozen_graph(folder: Path) -> Any:
    model = net()
    spec = tf.TensorSpec([None, 8, 8, 4], name="image")
    function = tf.function(lambda image: model(image)).get_concrete_function(spec)
    graph = convert_variables_to_constants_v2(function).graph.as_graph_def()
    (folder / "m.pb").write_bytes(graph.SerializeToString())
    return adapter.load_frozen_graph(folder / "m.pb")


def keras_file(folder: Path) -> Any:
    net().save(folder / "m.keras")
    return adapter.load_keras(folder / "m.keras")


def h5_file(folder: Path) -> Any:
    net().save(folder / "m.h5")
    return adapter.load_keras(folder / "m.h5")


def factory(folder: Path) -> Any:
    net().save_weights(folder / "m.weights.h5")
    model = net()
    adapter.load_keras_weights(model, folder / "m.weights.h5")
    return adapter.keras_model(model)


FORMS = (saved_model, legacy_saved_model, frozen_graph, keras_file, h5_file, factory)


@pytest.mark.parametrize("low", [Precision.BF16, Precision.FP16])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_each_form_becomes_a_saved_model_in_either_precision(
    form: Callable[[Path], Any], low: Precision, all_low: Any, tmp_path: Path
) -> None:
    model = form(tmp_path)
    batch = (np.random.default_rng(0).normal(size=(2, 8, 8, 4)).astype(np.float32),)
    program = adapter.trace(model, batch, low=low, inputs=())
    placement = all_low(program, low)
    compute = [op for op in program.graph.ops if op.kind is Kind.COMPUTE]
    assert compute
    assert all(placement[op.id] is low for op in compute)
    path = program.save(program.apply(placement), tmp_path / "m.low")
    function = tf.saved_model.load(str(path)).signatures["serving_default"]
    ((_, tensor),) = function.structured_input_signature[1].items()
    (found,) = function(**{tensor.name: tf.constant(batch[0])}).values()
    (expected,) = adapter.predictor(model)(batch)
    assert found.dtype == tf.float32
    error = np.linalg.norm(found.numpy() - expected) / np.linalg.norm(expected)
    assert 0 < error < (2**-6 if low is Precision.BF16 else 2**-9)
