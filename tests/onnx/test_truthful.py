"""What a report says, recomputed from the saved file by code that is not narrowcast's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
from onnx import TensorProto, helper, numpy_helper, shape_inference

BATCH = 16
KEPT = {"h": "fp32"}
PINS = "mixed_precision: {precisions: %s, op_wise: {h: {activation: {dtype: [fp32]}}}}"
JUDGED = """
evaluation:
  accuracy:
    metric: {topk: 1}
    dataloader: {batch_size: 16, dataset: {npz: {path: d.npz, inputs: x, label: label}}}
tuning: {accuracy_criterion: {absolute: 0.1}}
"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """A small convolutional net, and 64 images that it labels itself but for some."""
    random = np.random.default_rng(0)
    shapes = {"k": (8, 3, 3, 3), "kb": (8,), "w1": (8, 16), "w2": (16, 4), "s": (16,)}
    weights = [
        numpy_helper.from_array(random.standard_normal(shape).astype("f4") / 3, name)
        for name, shape in shapes.items()
    ]
    nodes = [
        helper.make_node("Conv", ["x", "k", "kb"], ["c"], pads=[1] * 4),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("MatMul", ["f", "w1"], ["h"]),
        helper.make_node("Mul", ["h", "s"], ["m"]),
        helper.make_node("MatMul", ["m", "w2"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])],
        weights,
    )
    opsets = [helper.make_opsetid("", 17)]
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    images = random.standard_normal((64, 3, 8, 8)).astype("f4")
    (scores,) = onnxruntime.InferenceSession(path).run(None, {"x": images})
    labels = np.where(np.arange(64) < 48, scores.argmax(1), 0)
    np.savez(tmp_path / "d.npz", x=images, label=labels)
    return path


def report(folder: Path, runtime: str, precision: str, more: str) -> Any:
    """The JSON report of the generated script."""
    (folder / "s.yaml").write_text(
        f"model: {{name: net, framework: onnx, path: net.onnx, runtime: {runtime}}}\n"
        + PINS % precision
        + more
    )
    env = os.environ | {"FORCE_BF16": "1", "FORCE_FP16": "1"}
    for command in (
        ["-m", "narrowcast", "generate", "s.yaml"],
        ["convert_net.py", "--json"],
    ):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def in_openvino(path: Path, images: Any) -> Any:
    core = openvino.Core()
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(
        core.read_model(path), "CPU", hint
    ).create_infer_request()
    made = [
        next(iter(request.infer({"x": images[k : k + BATCH]}).values())).copy()
        for k in range(0, len(images), BATCH)
    ]
    return np.concatenate(made)


def types(model: onnx.ModelProto, batch: int) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Name of a value → its type and shape, by onnx's own inference."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.input[0].type.tensor_type.shape.dim[0].dim_value = batch
    inferred = shape_inference.infer_shapes(copy, strict_mode=True).graph
    found = {
        each.name: (each.data_type, tuple(each.dims)) for each in copy.graph.initializer
    }
    for info in (*inferred.input, *inferred.value_info, *inferred.output):
        tensor = info.type.tensor_type
        found[info.name] = (
            tensor.elem_type,
            tuple(d.dim_value for d in tensor.shape.dim),
        )
    return found


def flops(node: onnx.NodeProto, known: Any) -> int:
    """A multiply-add counts two, arithmetic one a value, moves nothing."""
    made = prod(known[node.output[0]][1])
    match node.op_type:
        case "Conv":
            return 2 * made * prod(known[node.input[1]][1][1:])
        case "MatMul":
            return int(2 * made * known[node.input[0]][1][-1])
        case "Mul" | "GlobalAveragePool":
            return int(made)
    return 0


def check_file(found: Any, folder: Path, dtype: int, batch: int) -> None:
    """Share of FLOPs, casts, sizes and dtypes, against the file's own."""
    path = folder / found["model"]
    model = onnx.load(path)
    plan = json.loads((folder / found["plan"]).read_text())
    onnx.checker.check_model(model, full_check=True)
    known = types(model, batch)
    ops = [node for node in model.graph.node if node.op_type != "Cast"]
    low = [node for node in ops if known[node.output[0]][0] == dtype]
    assert found["casts"] == len(model.graph.node) - len(ops) == len(plan["casts"])
    assert found["flops"] == sum(flops(node, known) for node in ops)
    assert found["flops_low"] == sum(flops(node, known) for node in low)
    assert 0 < found["flops_low"] < found["flops"]
    assert (found["ops"], found["ops_low"]) == (len(ops), len(low))
    names = {node.output[0].removesuffix("_narrow") for node in low}
    assert names == {
        name for name, each in plan["ops"].items() if each == plan["precision"]
    }
    assert "h" not in names
    assert found["saved_bytes"] == path.stat().st_size
    weights = onnx.load(folder / "net.onnx").graph.initializer
    assert found["fp32_bytes"] == sum(4 * prod(each.dims) for each in weights)
    for node in ops:  # every float that an op takes is of the type that it makes
        taken = {known[name][0] for name in node.input}
        assert taken == {known[node.output[0]][0]}


def test_accuracy_and_placement_of_a_judged_model(net: Path) -> None:
    folder = net.parent
    found = report(folder, "openvino", "bf16", JUDGED)
    check_file(found, folder, TensorProto.BFLOAT16, BATCH)
    data = np.load(folder / "d.npz")
    for name, path in (("baseline", net), ("result", folder / found["model"])):
        right = in_openvino(path, data["x"]).argmax(1) == data["label"]
        assert found["judgement"][name]["value"] == pytest.approx(
            right.mean(), abs=1e-12
        )
        assert found["judgement"][name]["samples"] == 64


def test_error_and_placement_of_a_compared_model(net: Path) -> None:
    folder = net.parent
    found = report(folder, "onnxruntime", "fp16", "")
    check_file(found, folder, TensorProto.FLOAT16, 8)
    images = np.random.default_rng(1978).standard_normal((8, 3, 8, 8)).astype("f4")
    fp32, low = (
        onnxruntime.InferenceSession(path).run(None, {"x": images})[0].astype("f8")
        for path in (net, folder / found["model"])
    )
    error = np.linalg.norm(low - fp32) / np.linalg.norm(fp32)
    assert found["drift"] == pytest.approx(error, rel=1e-3)
    assert found["judgement"] is None
