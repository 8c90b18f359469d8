"""Images in TFRecord files judge a conversion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from project import Project
from tfrecords import encoded, example, write_records

SIZE = 8
COUNT = 24


def model(path: Path) -> None:
    """Whether an image is red, green or blue: a convolution, and the mean of it."""
    weights = np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1)
    nodes = [
        helper.make_node("Transpose", ["x"], ["channels_first"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["channels_first", "w"], ["conv"]),
        helper.make_node("ReduceMean", ["conv", "axes"], ["y"], keepdims=0),
    ]
    constants = [
        numpy_helper.from_array(weights, "w"),
        numpy_helper.from_array(np.array([2, 3]), "axes"),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", SIZE, SIZE, 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])
    graph = helper.make_graph(nodes, "colours", [x], [y], constants)
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)


def colour(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 100, (SIZE, SIZE, 3))
    pixels[..., number % 3] += 100
    return encoded(pixels)


def records(root: Path) -> None:
    root.mkdir()
    for shard in range(2):
        written = (
            example({"image/encoded": [colour(k)], "image/class/label": [k % 3]})
            for k in range(shard, COUNT, 2)
        )
        write_records(root / f"val-{shard}-of-2", written)


def test_images_in_records_judge_a_conversion(tmp_path: Path) -> None:
    project = Project(tmp_path)
    model(tmp_path / "net.onnx")
    records(tmp_path / "data")
    loader = {
        "batch_size": 5,
        "shuffle": True,
        "dataset": {"ImageRecord": {"root": "data/val-*"}},
        "transform": {"Rescale": {}},
    }
    project.write(
        model={"name": "net", "framework": "onnx", "path": "net.onnx"},
        mixed_precision={"precisions": "bf16"},
        evaluation={"accuracy": {"metric": {"topk": 1}, "dataloader": loader}},
    )
    report = project.report("--no-timing")
    assert report["exit_code"] == 0
    assert report["judgement"]["result"]["samples"] == COUNT
    assert report["judgement"]["baseline"]["value"] == 1
    files = project.plan["files"]["data"]
    assert list(files) == ["data/val-0-of-2", "data/val-1-of-2"]
    path = tmp_path / "data/val-1-of-2"
    path.write_bytes(path.read_bytes()[:-3] + b"abc")
    code, said = project.refused()
    assert code == 2
    assert f"val-1-of-2: record {COUNT // 2 - 1} is damaged" in said
