"""Data of their own that int8's ranges are taken from, as a spec names it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from project import Project
from quantizable_onnx import mlp

FORCED = {"FORCE_BF16": "1"}
SAMPLES = 40


@pytest.fixture
def project(tools: Any, tmp_path: Path) -> Project:
    """A perceptron; calibration data of other values than those that are evaluated."""
    onnx.save(mlp(tools).model, tmp_path / "net.onnx")
    chance = np.random.default_rng(3)
    for name, scale in (("eval", 1.0), ("ranges", 2.0)):
        x = scale * chance.normal(size=(SAMPLES, 6, 32)).astype(np.float32)
        np.savez(tmp_path / f"{name}.npz", x=x, y=np.zeros(SAMPLES, np.int64))
    return Project(tmp_path)


def _spec(sampling_size: int) -> dict[str, Any]:
    def loader(path: str, batch_size: int) -> dict[str, Any]:
        data = {"path": path, "inputs": ["x"], "label": "y"}
        return {"batch_size": batch_size, "dataset": {"npz": data}}

    calibration = {
        "sampling_size": sampling_size,
        "dataloader": loader("ranges.npz", 8),
    }
    return {
        "model": {"framework": "onnx", "runtime": "openvino", "path": "net.onnx"}
        | {"name": "net"},
        "mixed_precision": {"precisions": ["int8", "bf16"]},
        "quantization": {"calibration": calibration},
        "evaluation": {"accuracy": {"dataloader": loader("eval.npz", 20)}},
        "tuning": {"accuracy_criterion": {"drift": {"sqnr": 10}}},
    }


def test_ranges_are_of_the_data_that_the_spec_names(project: Project) -> None:
    """As many samples as are asked for, in whole batches; plans know which they were."""
    project.write(**_spec(12))
    told = project.report(env=FORCED)
    assert told["exit_code"] == 0
    plan = project.plan
    assert plan["graph"]["flops_int8"] > 0
    calibration = plan["calibration"]
    assert calibration["from"] == "quantization.calibration.dataloader"
    assert (calibration["samples"], calibration["batches"]) == (16, 2)
    with np.load(project.folder / "ranges.npz") as data:
        seen = data["x"][:16]
    scale, zero, dtype = plan["scales"]["x"]
    assert dtype == "uint8"
    # bf16 holds the scale, which is up to 1/128 of it larger for that.
    assert -zero * scale == pytest.approx(seen.min(), abs=3 * scale)
    assert (255 - zero) * scale == pytest.approx(seen.max(), abs=3 * scale)
    assert seen.max() - seen.min() <= 255 * scale * (1 + 1e-6)
    assert "calibration_batches" in (project.folder / "convert_net.py").read_text()


@pytest.mark.parametrize("dtypes", [["fp32"], ["bf16", "fp32"]])
def test_a_name_of_no_op_is_told_before_ranges_are_taken(
    project: Project, dtypes: list[str]
) -> None:
    spec = _spec(12)
    spec["quantization"]["op_wise"] = {"nowhere": {"activation": {"dtype": dtypes}}}
    project.write(**spec)
    done = project.run(env=FORCED)
    assert done.returncode == 2 and "'nowhere' matches no op" in done.stderr
    assert "ranges" not in done.stderr


def test_data_that_the_model_does_not_take_is_told_as_calibrations(
    project: Project,
) -> None:
    project.write(**_spec(12))
    with np.load(project.folder / "ranges.npz") as data:
        other = {"x": data["x"][:, :, :16], "y": data["y"]}
    np.savez(project.folder / "ranges.npz", **other)
    code, said = project.refused("--search", env=FORCED)
    assert code in (2, 3)
    assert "quantization.calibration.dataloader" in said


@pytest.mark.nightly
def test_a_search_is_not_resumed_with_ranges_of_other_data(project: Project) -> None:
    project.write(**_spec(12))
    assert project.run(env=FORCED).returncode == 0
    with np.load(project.folder / "ranges.npz") as data:
        other = {"x": 2 * data["x"], "y": data["y"]}
    np.savez(project.folder / "ranges.npz", **other)
    code, said = project.refused("--resume", env=FORCED)
    assert code in (2, 3)
    assert "ranges.npz changed" in said
