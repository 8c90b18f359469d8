"""The worked example of docs/extending.md, made in a copy and run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text("utf-8")
BLOCK = re.compile(
    r"^`(?P<path>[\w/.]+)`, (?P<where>new|at its end|before|instead of)"
    r"(?: `(?P<line>[^`\n]*)`)?\n\n```python\n(?P<code>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
SPEC = """
model: {name: net, framework: onnx, runtime: openvino, path: net.onnx, inputs: [{name: x, shape: [n, 2, 3], dtype: float32}]}
mixed_precision: {precisions: bf16}
evaluation:
  accuracy:
    metric: {LargestError: {compare_label: false}}
    dataloader:
      batch_size: 2
      dataset: {raw: {path: data.bin, shape: [2, 3]}}
      transform: {Clip: {low: 0, high: 7}}
"""
RUN = """
import json, runpy, sys
import numpy as np
script = runpy.run_path("convert_net.py")
found = [x for (x,), _labels in script["batches"]()]
metric = script["metric"]()
metric.update(np.array([[1.0, 5.0], [2.0, 2.0]]), np.array([[2.0, 2.0], [2.0, 2.5]]))
print(json.dumps([[x.tolist() for x in found], metric.result()]))
"""


def narrowcast(folder: Path, *arguments: str) -> str:
    """Run Python on the copy."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "copy")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a copy that has what the page says."""
    made = tmp_path_factory.mktemp("extending")
    copy = made / "copy" / "narrowcast"
    shutil.copytree(ROOT / "src" / "narrowcast", copy)
    for name in ("spec", "codegen", "templates", "runtime"):
        shutil.copytree(
            ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    for block in BLOCK.finditer(PAGE):
        change(copy / block["path"], block["where"], block["line"], block["code"])
    (made / "spec.yaml").write_text(SPEC)
    np.arange(-2, 16, dtype=np.float32).tofile(made / "data.bin")
    return made


def change(path: Path, where: str, line: str | None, code: str) -> None:
    """Make one change of the page's."""
    text = "" if where == "new" else path.read_text("utf-8")
    if where in ("before", "instead of"):
        assert text.count(f"\n{line}\n") == 1, f"{path.name} has no line {line}"
        before, behind = text.split(f"\n{line}\n")
        rest = f"{line}\n" if where == "before" else ""
        text = f"{before}\n{code}{rest}{behind}"
    else:
        text += code
    path.write_text(text, "utf-8")


def test_the_example_takes_three_files_each() -> None:
    parts = PAGE.split("\n## ")[1:]
    touched = [{block["path"] for block in BLOCK.finditer(part)} for part in parts]
    assert [len(files) for files in touched] == [3, 3, 3]
    rooms = Counter(file.partition("/")[0] for files in touched for file in files)
    assert rooms == {"spec": 3, "codegen": 3, "runtime": 3}


def test_the_example_is_a_script_that_runs(folder: Path) -> None:
    narrowcast(folder, "-m", "narrowcast", "generate", "spec.yaml")
    script = (folder / "convert_net.py").read_text("utf-8")
    for call in (
        "read_raw(DATA, shape=(2, 3))",
        "clip(image, low=0.0, high=7.0)",
        "LargestError(compare_label=False)",
    ):
        assert call in script
    (folder / "run.py").write_text(RUN)
    found, result = json.loads(narrowcast(folder, "run.py"))
    samples = np.arange(-2, 16).clip(0, 7).reshape(3, 2, 3).tolist()
    assert found == [samples[:2], samples[2:]]
    assert result == pytest.approx((3 + 0.5) / 2)
