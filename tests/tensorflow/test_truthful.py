"""What a report says, recomputed from the saved file by plain TensorFlow and NumPy.

Nothing of narrowcast is imported here: a defect of its own arithmetic shows.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import warm
from tensorflow.core.protobuf import saved_model_pb2

BATCH = 50
SPEC = """\
model: {{name: t, framework: tensorflow, path: net, inputs: [{{name: image}}]}}
mixed_precision: {{precisions: bf16}}
quantization:
  op_wise:
    ".*/hidden.*/MatMul": {{activation: {{dtype: [fp32]}}, weight: {{dtype: [fp32]}}}}
evaluation:
  accuracy:
    metric: {metric}
    dataloader:
      batch_size: 50
      dataset: {{npz: {{path: d.npz, inputs: [x], label: {label}}}}}
tuning: {{accuracy_criterion: {criterion}}}
"""
ACCURACY = {
    "metric": "{topk: 1}",
    "label": "classes",
    "criterion": "{absolute: 0.05}",
}
ERROR = {
    "metric": "{MSE: {}}",
    "label": "outputs",
    "criterion": "{absolute: 0.5, higher_is_better: false}",
}
FLOATS = {tf.float32.as_datatype_enum: "fp32", tf.bfloat16.as_datatype_enum: "bf16"}


@dataclass(frozen=True)
class Converted:
    folder: Path
    report: dict[str, Any]
    plan: dict[str, Any]
    data: dict[str, Any]

    @property
    def file(self) -> Path:
        return self.folder / self.report["model"]


@pytest.fixture(scope="module", params=[ACCURACY, ERROR], ids=["accuracy", "error"])
def converted(request: Any, tmp_path_factory: Any) -> Converted:
    folder: Path = tmp_path_factory.mktemp("truthful")
    keras.utils.set_random_seed(1)
    x = keras.Input((12, 12, 3), name="image")
    y = keras.layers.Conv2D(16, 3, padding="same", use_bias=False)(x)
    y = keras.layers.ReLU()(keras.layers.BatchNormalization()(y))
    y = keras.layers.Conv2D(32, 3, strides=2, activation="relu")(y)
    y = keras.layers.Dense(64, activation="tanh", name="hidden")(
        keras.layers.Flatten()(y)
    )
    net = keras.Model(x, keras.layers.Dense(10)(y))
    net.export(str(folder / "net"), verbose=False)
    generator = np.random.default_rng(0)
    images = generator.normal(size=(200, 12, 12, 3)).astype(np.float32)
    outputs = net(images).numpy()
    classes = outputs.argmax(1)
    classes[::5] = generator.integers(0, 10, 40)
    data = {"x": images, "classes": classes, "outputs": outputs}
    np.savez(folder / "d.npz", **data)
    (folder / "s.yaml").write_text(SPEC.format(**request.param))
    for command in ("-m narrowcast generate s.yaml", "convert_t.py --json"):
        variables = {**os.environ, "FORCE_BF16": "1"}
        done = warm.run(command.split(), folder, variables)
        assert done.returncode == 0, done.stderr
    plan = json.loads((folder / "t.plan.json").read_text())
    return Converted(folder, json.loads(done.stdout), plan, data)


def graph_of(converted: Converted) -> Any:
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((converted.file / "saved_model.pb").read_bytes())
    return saved.meta_graphs[0].graph_def


def scored(converted: Converted, path: Path) -> float:
    """The metric over all samples, in the batches of the spec."""
    serve = tf.saved_model.load(str(path)).signatures["serving_default"]
    images = converted.data["x"]
    parts = [
        next(iter(serve(image=tf.constant(images[k : k + BATCH])).values())).numpy()
        for k in range(0, len(images), BATCH)
    ]
    found = np.concatenate(parts)
    assert found.dtype == np.float32
    if converted.report["judgement"]["result"]["metric"] == "top-1":
        return float((found.argmax(1) == converted.data["classes"]).mean())
    wide = found.astype(np.float64) - converted.data["outputs"]
    return float(np.square(wide).mean())


def test_the_metric(converted: Converted) -> None:
    judged = converted.report["judgement"]
    before = scored(converted, converted.folder / "net")
    after = scored(converted, converted.file)
    assert judged["baseline"]["value"] == pytest.approx(before, abs=1e-9)
    assert judged["result"]["value"] == pytest.approx(after, rel=1e-4)
    assert before != after


def test_the_share_of_flops(converted: Converted) -> None:
    """Contractions, from the shapes that a session sees; the rest is a few per cent."""
    flops: dict[str, int] = {"fp32": 0, "bf16": 0}
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(graph_of(converted), name="")
        nodes = [op for op in graph.get_operations() if op.type in ("Conv2D", "MatMul")]
        (image,) = (
            op.outputs[0] for op in graph.get_operations() if op.type == "Placeholder"
        )
        with tf.compat.v1.Session(graph=graph) as session:
            sizes = session.run(
                [(tf.shape(op.outputs[0]), tf.shape(op.inputs[1])) for op in nodes],
                {image: converted.data["x"][:BATCH]},
            )
    for op, (made, weight) in zip(nodes, sizes, strict=True):
        low = FLOATS[op.outputs[0].dtype.as_datatype_enum]
        flops[low] += 2 * int(prod(made)) * int(prod(weight[:-1]))
    share = flops["bf16"] / sum(flops.values())
    report = converted.report
    assert 0.5 < share < 1.0
    assert report["flops_low"] / report["flops"] == pytest.approx(share, abs=0.01)
    assert report["flops"] == pytest.approx(sum(flops.values()), rel=0.02)


def test_casts_and_size(converted: Converted) -> None:
    casts = [
        node
        for node in graph_of(converted).node
        if node.op == "Cast"
        and {node.attr["SrcT"].type, node.attr["DstT"].type} <= FLOATS.keys()
    ]
    assert converted.report["casts"] == len(casts)
    files = [each for each in converted.file.rglob("*") if each.is_file()]
    assert converted.report["saved_bytes"] == sum(f.stat().st_size for f in files)


def test_dtypes(converted: Converted) -> None:
    """What the plan says of an op is what the file computes in, and stores."""
    nodes = {node.name: node for node in graph_of(converted).node}
    seen = {"fp32": 0, "bf16": 0}
    for name, precision in converted.plan["ops"].items():
        node = nodes[name]
        if node.op in ("BiasAdd", "Conv2D", "MatMul", "Relu", "Tanh"):
            assert FLOATS[node.attr["T"].type] == precision, name
        if node.op in ("Conv2D", "MatMul"):
            weight = nodes[node.input[1].partition(":")[0]]
            assert weight.op == "Const"
            assert FLOATS[weight.attr["dtype"].type] == precision
            seen[precision] += 1
    assert seen == {"fp32": 1, "bf16": 3}
    low = sum(p == "bf16" for p in converted.plan["ops"].values())
    assert converted.report["ops_low"] == low


def test_every_signature(converted: Converted) -> None:
    """Keras writes two, and the report's share is of both."""
    before = tf.saved_model.load(str(converted.folder / "net")).signatures
    after = tf.saved_model.load(str(converted.file)).signatures
    assert set(before) == set(after) == {"serve", "serving_default"}
    batch = tf.constant(converted.data["x"][:BATCH])
    for key in before:
        one, other = (
            next(iter(s[key](image=batch).values())).numpy() for s in (before, after)
        )
        error = np.linalg.norm(one - other) / np.linalg.norm(one)
        assert 1e-5 < error < 0.02
