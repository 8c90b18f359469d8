"""Scripts with a copy of the runtime, where narrowcast is not installed."""

from __future__ import annotations

from pathlib import Path

import end_to_end
import vendored
from one_model_onnx import written


def test_a_copy_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    written(folder)
    model = {"framework": "onnx", "runtime": "onnxruntime", "path": "mnist.onnx"}
    project = end_to_end.project_in(folder)
    vendored.check_vendored(project, model, "fp16", "net.fp16.onnx")
