"""A runtime that dies of a model ends a child, never the search."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import crashing
import numpy as np
import onnx
import pytest

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks.onnx import load_onnx
from narrowcast.runtime.frameworks.onnx.onnxruntime.executor import OnnxRuntime
from narrowcast.runtime.frameworks.onnx.openvino.executor import OpenVino
from narrowcast.runtime.frameworks.onnx.program import trace
from narrowcast.runtime.frameworks.onnx.running.given import model_of
from narrowcast.runtime.frameworks.onnx.running.survival import Child
from narrowcast.runtime.graph.graph import Precision


def test_a_child_is_started_again_after_a_death() -> None:
    child = Child(crashing.at_the_default_level)
    assert child.fate(b"", 0) == "crashes (SIGSEGV)"
    assert child.fate(b"", 1) == ""
    assert child.fate(b"", 0) == "crashes (SIGSEGV)"
    assert Child(crashing.raises).fate(b"", 0) == ""


def test_threads_ask_one_child_in_turn() -> None:
    child = Child(crashing.at_the_default_level)
    with ThreadPoolExecutor(4) as threads:
        fates = list(threads.map(lambda way: child.fate(b"", way), [1, 0, 1, 0]))
    assert fates == ["", "crashes (SIGSEGV)", "", "crashes (SIGSEGV)"]


UNGUARDED = """
import crashing
from narrowcast.runtime.frameworks.onnx.running.survival import Child

print("begins")
assert Child(crashing.raises).fate(b"", 0) == ""
print("ends")
"""


def test_a_child_does_not_run_the_users_script(tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text(f"import sys; sys.path = {sys.path}\n{UNGUARDED}")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("begins\nends\n", "")


def test_a_runtime_that_never_comes_back_is_given_up() -> None:
    child = Child(crashing.never_comes_back, patience=2)
    assert child.fate(b"", 0) == "does not come back within 2 s"


def test_a_lower_level_is_tried_and_said(zoo: Any) -> None:
    case, executor = zoo["shared_weight"](), OnnxRuntime()
    model = model_of(case.model)
    (expected,) = executor.compile(model)(case.batch)
    assert len(executor.notes) == 1
    executor.child = Child(crashing.at_the_default_level)
    (found,) = executor.compile(model)(case.batch)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert "crashes (SIGSEGV)" in executor.notes[1]
    assert executor.notes[1].endswith("graph_optimization_level to ORT_ENABLE_EXTENDED")
    executor.child = Child(crashing.always)
    with pytest.raises(ModelError, match=r"crashes \(SIGABRT\) as it opens the model"):
        executor.compile(model)
    other = OpenVino()
    other.child = Child(crashing.always)
    with pytest.raises(ModelError, match=r"OpenVINO crashes \(SIGABRT\)"):
        other.compile(model)


def test_a_saved_file_says_at_which_level_it_is_opened(zoo: Any, tmp_path: Any) -> None:
    case, executor = zoo["shared_weight"](), OnnxRuntime()
    executor.child = Child(crashing.at_the_default_level)
    traced = trace(
        case.model, case.batch, low=Precision.FP16, inputs=(), executor=executor
    )
    placement = {op.id: Precision.FP16 for op in traced.graph.ops}
    path = traced.save(traced.apply(placement), tmp_path / "low.onnx")
    said = {each.key: each.value for each in onnx.load(path).metadata_props}
    assert said["narrowcast.graph_optimization_level"] == "ORT_ENABLE_EXTENDED"
    assert any("ORT_ENABLE_EXTENDED" in note for note in traced.notes)
    executor.child = Child(crashing.at_the_default_level)
    executor.compile(load_onnx(path))
