"""Models that keep their weights beside themselves: all their files are the plan's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from project import Project

SIZE = 32


def save(path: Path, seed: int) -> None:
    """A product with weights in two files."""
    draw = np.random.default_rng(seed).standard_normal
    constants = [
        numpy_helper.from_array(draw((SIZE, SIZE)).astype(np.float32), name)
        for name in ("w", "v")
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["between"]),
        helper.make_node("MatMul", ["between", "v"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", SIZE])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", SIZE])
    graph = helper.make_graph(nodes, "products", [x], [y], constants)
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    where = {"all_tensors_to_one_file": False, "size_threshold": 0}
    onnx.save_model(model, path, save_as_external_data=True, **where)


@pytest.mark.few(1)
@pytest.mark.parametrize("runtime", ["openvino", "any"])
def test_weights_beside_the_model_are_the_plans(tmp_path: Path, runtime: str) -> None:
    project = Project(tmp_path)
    save(tmp_path / "net.onnx", 0)
    project.write(
        model={
            "name": "net",
            "framework": "onnx",
            "path": "net.onnx",
            "runtime": runtime,
        },
        mixed_precision={"precisions": "bf16"},
    )
    assert project.report("--no-timing")["exit_code"] == 0
    assert list(project.plan["files"]["model"]) == ["net.onnx", "w", "v"]
    kept = (tmp_path / "net.onnx").read_bytes()
    for name in "wv":  # ONNX would append to them
        (tmp_path / name).unlink()
    save(tmp_path / "net.onnx", 1)
    assert (tmp_path / "net.onnx").read_bytes() == kept
    again = project.report("--no-timing")
    assert any("w" in said and "changed" in said for said in again["warnings"]), again
