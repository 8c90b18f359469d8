"""The record that the other frameworks are held to is what PyTorch does."""

from __future__ import annotations

import json
import os
import runpy
import shutil
from pathlib import Path
from typing import Any

import end_to_end
import one_model
import torch

from narrowcast.runtime.frameworks import pytorch

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "mnist"


def test_the_record_is_what_pytorch_makes_of_the_model(tools: Any) -> None:
    model = runpy.run_path(str(EXAMPLE / "mnist_cnn.py"))["build"]().eval()
    state = {k: torch.tensor(v) for k, v in one_model.weights().items()}
    model.load_state_dict(state)
    images, labels = one_model.digits()
    batch = torch.from_numpy(images)
    program = tools.trace(model, batch[:64])
    placement, _ = one_model.placed(program.graph, None)
    converted = pytorch.predictor(program.apply(placement))
    found = {
        "placements": one_model.described(program.graph),
        "right": {
            "fp32": one_model.right(pytorch.predictor(model)((batch,))[0], labels),
            "bf16": one_model.right(converted((batch,))[0], labels),
        },
    }
    if os.environ.get("RECORD") == "1":
        text = json.dumps(found, indent=1) + "\n"
        one_model.RECORD.write_text(text, "utf-8")
    one_model.check(found)


FACTORY = """
import torch
from mnist_cnn import build


def make():
    model = build()
    model.load_state_dict(torch.load("digits.pt"))
    return model
"""


def test_what_nothing_names_is_supplied(tmp_path: Path) -> None:
    """The batches say what forward() takes."""
    project = end_to_end.project_in(tmp_path)
    project.write(model={"name": "net", "framework": "pytorch"})
    state = {k: torch.tensor(v) for k, v in one_model.weights().items()}
    torch.save(state, tmp_path / "digits.pt")
    shutil.copy(EXAMPLE / "mnist_cnn.py", tmp_path)
    (tmp_path / "digits_net.py").write_text(FACTORY)
    (tmp_path / "digits_right.py").write_text(end_to_end.METRIC)
    supplied = ("--model", "digits_net:make", "--metric", "digits_right:Right")
    code, error = project.refused(*supplied)
    assert code == 2
    assert "inputs: [{name: image, shape: [batch, ...], dtype: float32}]" in error
    report = project.report(*supplied, "--data", "digits.npz")
    assert report["judgement"]["holds"]
    assert report["judgement"]["result"]["samples"] == 500
    assert report["flops_low"] == report["flops"] > 0
    assert {"digits_net", "digits_right"} <= set(project.plan["files"]["python"])
