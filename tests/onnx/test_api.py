"""The Python API on ONNX models: Neural Compressor's snippets and behaviours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from project import Project
from snippets import SNIPPETS, run_snippet, write_conf, write_data


def network() -> onnx.ModelProto:
    """Two layers and a softmax; their ops are called first and last."""
    random = np.random.default_rng(0)
    first = random.standard_normal((16, 32)).astype(np.float32)
    last = random.standard_normal((32, 4)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], name="first"),
        helper.make_node("Relu", ["a"], ["b"], name="relu"),
        helper.make_node("MatMul", ["b", "v"], ["y"], name="last"),
    ]
    values = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 16]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4]),
    ]
    weights = [numpy_helper.from_array(first, "w"), numpy_helper.from_array(last, "v")]
    graph = helper.make_graph(nodes, "net", values[:1], values[1:], weights)
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=9)


def predicted(images: np.ndarray) -> np.ndarray:
    w, v = (numpy_helper.to_array(each) for each in network().graph.initializer)
    return np.maximum(images @ w, 0) @ v


@pytest.fixture
def project(tmp_path: Path) -> Project:
    onnx.save(network(), tmp_path / "model.onnx")
    write_data(tmp_path, predicted, (16,))
    write_conf(tmp_path, "onnx")
    return Project(tmp_path)


def types_of(model: Any) -> set[str]:
    return {node.op_type for node in model.graph.node}


@pytest.mark.parametrize("name", SNIPPETS)
def test_the_snippets_run_unchanged(project: Project, name: str) -> None:
    saved = run_snippet(project, name, "'./model.onnx'", f"out/{name}.onnx")
    assert "Cast" in types_of(onnx.load(saved))
