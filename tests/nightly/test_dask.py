"""The driver of docs/executors.md on Dask's local cluster; run by `make nightly`."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "mnist"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The MNIST example, and the driver beside its script."""
    found = tmp_path_factory.mktemp("example") / "mnist"
    found.mkdir()
    for name in ("mnist.yaml", "mnist_cnn.py", "convert_mnist_cnn.py"):
        shutil.copyfile(EXAMPLE / name, found / name)
    runpy.run_path(str(EXAMPLE / "prepare.py"))["main"](found / "data")
    text = (ROOT / "docs/executors.md").read_text("utf-8")
    driver = re.search(r"## Dask.*?```python\n(.*?)```", text, re.DOTALL)
    assert driver is not None
    (found / "driver.py").write_text(driver[1], "utf-8")
    return found


def converted(folder: Path, script: str, *options: str) -> tuple[Any, bytes, str]:
    """The plan, the model and what was said."""
    done = subprocess.run(
        [sys.executable, script, "--search", *options],
        cwd=folder,
        env={**os.environ, "FORCE_BF16": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    plan = json.loads((folder / "mnist_cnn.plan.json").read_text("utf-8"))
    return plan, (folder / "mnist_cnn.bf16.pt2").read_bytes(), done.stderr


def test_a_cluster_finds_what_one_process_finds(folder: Path) -> None:
    plan, model, said = converted(folder, "driver.py", "--workers", "2")
    assert "loaded in the workers" in said
    alone, model_alone, _said = converted(folder, "convert_mnist_cnn.py")
    assert model == model_alone
    assert {**plan, "latency": None} == {**alone, "latency": None}
