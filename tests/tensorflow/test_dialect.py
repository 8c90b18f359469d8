"""Specs in Neural Compressor's dialect run, where tests can make their model and data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from documents import document
from project import Project
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

SHAPE = (4, 4, 3)
"""Of an image."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    random = np.random.default_rng(0)
    weight = tf.constant(random.standard_normal((3, 10)).astype(np.float32))

    def predict(x: tf.Tensor) -> tf.Tensor:
        pooled = tf.reduce_mean(tf.reshape(x, (-1, *SHAPE)), (1, 2))
        return tf.nn.softmax(pooled @ weight, name="prob")

    signature = tf.TensorSpec((None, *SHAPE), tf.float32, name="image")
    function = tf.function(predict).get_concrete_function(signature)
    graph = convert_variables_to_constants_v2(function).graph.as_graph_def()
    (tmp_path / "net.pb").write_bytes(graph.SerializeToString())
    images = random.integers(0, 256, (64, *SHAPE), np.uint8)
    prepared = images.astype(np.float32) / 255 / 0.5
    labels = predict(tf.constant(prepared)).numpy().argmax(-1)
    np.savez(tmp_path / "val.npz", image=images, label=labels)
    return Project(tmp_path)


def test_transforms_with_numbers_in_all_forms(project: Project) -> None:
    """Rescale, Normalize without mean, Transpose, Cast of nothing: as they are meant."""
    project.put(document("tensorflow: transforms that are built").text)
    report = project.report()
    assert report["exit_code"] == 0
    assert report["judgement"]["baseline"]["value"] == 1.0
