"""Specs in Neural Compressor's dialect run, where tests can make their model and data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from documents import document
from onnx import numpy_helper, parser
from project import Project

TEXT = """
<ir_version: 8, opset_import: ["" : 13]>
g (float[n, 16] x) => (float[n, 4] y) {
  stem = MatMul (x, a)
  plus = Add (stem, b)
  layer4_0 = MatMul (plus, a)
  layer4_1 = Tanh (layer4_0)
  mixed = Gemm (layer4_1, a, b)
  head = MatMul (mixed, c)
  y = Identity (head)
}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    random = np.random.default_rng(0)
    model = parser.parse_model(TEXT)
    for name, shape in {"a": (16, 16), "b": (16,), "c": (16, 4)}.items():
        values = random.standard_normal(shape, np.float32) / 4
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    for name in ("quick", "pinned", "told", "ssd"):
        onnx.save_model(model, tmp_path / f"{name}.onnx")
    rows = random.standard_normal((64, 16), np.float32)
    np.savez(tmp_path / "val.npz", x=rows, y=np.zeros(64, np.int64))
    return Project(tmp_path)


def test_any_accuracy_will_do(project: Project) -> None:
    """performance_only: nothing is judged, and ops go by the static rules."""
    project.put(document("tuning that any accuracy ends").text)
    report = project.report()
    assert (report["exit_code"], report["judgement"], report["trials"]) == (0, None, 0)
    assert report["ops_low"] == report["ops"]


@pytest.mark.nightly
def test_a_narrower_demand_frees_what_all_ops_are_held_in(project: Project) -> None:
    project.put(document("quantization.model_wise as pins of everything").text)
    report = project.report()
    assert report["exit_code"] == 0
    assert report["fp32"] == {
        "plus": "user: quantization.model_wise",
        "mixed": "user: quantization.optype_wise.Gemm",
        "y": "user: quantization.op_wise.head",
    }
    assert report["ops_low"] == 3


@pytest.mark.nightly
def test_the_models_file_tells_the_framework(project: Project) -> None:
    project.put(document("framework NA, the model's file tells it").text)
    assert project.report()["model"] == "told.bf16.onnx"
