"""The Python API on TensorFlow models: Neural Compressor's snippets and behaviours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from project import Project
from snippets import SNIPPETS, run_snippet, write_conf, write_data
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

SHAPE = (8, 8, 3)


def weight(name: str, *shape: int) -> tf.Variable:
    values = np.random.default_rng(len(name)).standard_normal(shape) / 4
    return tf.Variable(values.astype(np.float32), name=name)


def network() -> Callable[[Any], Any]:
    """A chain of convolution, bias and ReLU, twice, and a layer."""
    first, second = weight("first", 3, 3, 3, 8), weight("second", 3, 3, 8, 8)
    bias, last = weight("bias", 8), weight("last", 8, 4)

    def predict(x: Any) -> Any:
        for number, kernel in enumerate((first, second), 1):
            x = tf.nn.conv2d(x, kernel, 1, "SAME", name=f"conv{number}")
            x = tf.nn.relu(tf.nn.bias_add(x, bias), name=f"relu{number}")
        return tf.identity(tf.reduce_mean(x, (1, 2)) @ last, name="final")

    return predict


def frozen(predict: Callable[[Any], Any]) -> Any:
    """A GraphDef as users have it, its input called `x`."""
    signature = tf.TensorSpec((None, *SHAPE), tf.float32, name="x")
    function = tf.function(predict).get_concrete_function(signature)
    return convert_variables_to_constants_v2(function).graph.as_graph_def()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    predict = network()
    graph_def = frozen(predict)
    (tmp_path / "model.pb").write_bytes(graph_def.SerializeToString())
    write_data(tmp_path, lambda images: predict(images).numpy(), SHAPE)
    write_conf(tmp_path, "tensorflow")
    return Project(tmp_path)


@pytest.mark.parametrize("name", SNIPPETS)
def test_the_snippets_run_unchanged(project: Project, name: str) -> None:
    saved = run_snippet(project, name, "'./model.pb'", f"out/{name}")
    assert tf.saved_model.contains_saved_model(str(saved))
