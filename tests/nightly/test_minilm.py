"""The MiniLM example, prepared and searched as a user does it; run by `make nightly`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from committed import Example, check
from safetensors.numpy import load_file

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "minilm"
MODEL = "minilm_r8.bf16.pt2"

OPENED = """
import sys
import numpy as np
import torch

module = torch.export.load(sys.argv[1]).module()
data = np.load(sys.argv[2])
with torch.no_grad():
    outputs = module(*(torch.from_numpy(data[k]) for k in ("input_ids", "attention_mask")))
assert "transformers" not in sys.modules
assert outputs.dtype is torch.float32
print(float((outputs.argmax(1).numpy() == data["label"]).mean()))
"""


def python(*arguments: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "FORCE_BF16": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's folder with its data."""
    found = tmp_path_factory.mktemp("example") / "minilm"
    found.mkdir()
    for name in ("minilm.yaml", "minilm.py", "prepare.py"):
        shutil.copyfile(EXAMPLE / name, found / name)
    python("prepare.py", cwd=found)
    return found


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    command = ("-m", "narrowcast", "run", "minilm.yaml", "--search", "--json")
    made: dict[str, Any] = json.loads(python(*command, cwd=folder))
    return made


def test_one_trial_keeps_the_accuracy(report: dict[str, Any]) -> None:
    judged = report["judgement"]
    fp32, result = (judged[key]["value"] for key in ("baseline", "result"))
    assert judged["result"]["samples"] == 400
    assert fp32 >= 0.9
    assert fp32 - result <= 0.005
    assert judged["holds"]
    assert report["trials"] == 1
    assert report["exit_code"] == 0


def test_nearly_all_is_computed_in_bf16(report: dict[str, Any]) -> None:
    assert report["flops_low"] / report["flops"] >= 0.99


@pytest.mark.usefixtures("report")
def test_the_file_is_half_the_fp32_weights(folder: Path) -> None:
    weights = load_file(folder / "data" / "minilm_r8.safetensors")
    fp32 = sum(value.nbytes for value in weights.values())
    assert all(value.dtype == np.float32 for value in weights.values())
    assert (folder / MODEL).stat().st_size <= 0.52 * fp32


def test_the_file_runs_without_transformers(
    folder: Path, report: dict[str, Any]
) -> None:
    """What it names is what the run was judged by."""
    said = python("-c", OPENED, MODEL, "data/r8_test.npz", cwd=folder)
    judged = report["judgement"]["result"]["value"]
    assert float(said) == pytest.approx(judged, abs=0.005)


@pytest.mark.usefixtures("report")
def test_the_committed_plan_is_what_a_run_finds(folder: Path) -> None:
    found, committed = (
        json.loads((where / "minilm_r8.plan.json").read_text())
        for where in (folder, EXAMPLE)
    )
    for key in ("format", "precision", "objective", "trials", "graph", "casts", "ops"):
        assert committed[key] == found[key]
    assert committed["files"]["data"] == found["files"]["data"]


@pytest.mark.parametrize(
    "example",
    [
        Example("minilm", "minilm.yaml", "minilm_r8", 0.91),
        Example(
            "minilm",
            "minilm_onnx.yaml",
            "minilm_onnx",
            0.91,
            ("prepare.py", "onnx_model.py"),
        ),
    ],
    ids=lambda each: each.name,
)
def test_the_committed_plans_are_replayed(example: Example, tmp_path: Path) -> None:
    check(example, tmp_path)
