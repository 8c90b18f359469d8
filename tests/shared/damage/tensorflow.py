"""TensorFlow's SavedModels and frozen graphs, and Keras' files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from damage.formats import Format
from narrowcast.runtime.frameworks import tensorflow as adapter


def _net() -> Any:
    tf.keras.utils.set_random_seed(0)
    return tf.keras.Sequential(
        [
            tf.keras.layers.Input((8, 8, 3), name="x"),
            tf.keras.layers.Conv2D(4, 3, activation="relu"),
            tf.keras.layers.BatchNormalization(),
            tf.keras.layers.Flatten(),
            tf.keras.layers.Dense(5),
        ]
    )


def _run(model: Any) -> Callable[[], object]:
    adapter.signature(model)
    predict = adapter.predictor(model)
    return lambda: predict((np.ones((2, 8, 8, 3), np.float32),))


def _saved_model(folder: Path) -> Path:
    _net().export(folder / "net", verbose=False)
    return folder / "net"


def _frozen(folder: Path) -> Path:
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    net = _net()
    function = tf.function(lambda x: net(x, training=False))
    concrete = function.get_concrete_function(
        tf.TensorSpec((None, 8, 8, 3), tf.float32, name="x")
    )
    frozen = convert_variables_to_constants_v2(concrete)
    path = folder / "net.pb"
    path.write_bytes(frozen.graph.as_graph_def().SerializeToString())
    return path


def _keras(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        net, path = _net(), folder / name
        if name.endswith(".weights.h5"):
            net.save_weights(path)
        else:
            net.save(path)
        return path

    return make


def _read_weights(path: Path) -> Callable[[], object]:
    model = _net()
    adapter.load_keras_weights(model, path)
    return _run(adapter.keras_model(model))


FORMATS = {
    "SavedModel": Format(_saved_model, lambda p: _run(adapter.load_saved_model(p))),
    ".pb": Format(_frozen, lambda p: _run(adapter.load_frozen_graph(p))),
    ".keras": Format(_keras("net.keras"), lambda p: _run(adapter.load_keras(p))),
    ".h5": Format(_keras("net.h5"), lambda p: _run(adapter.load_keras(p))),
    ".weights.h5": Format(_keras("net.weights.h5"), _read_weights),
}
