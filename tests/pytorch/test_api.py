"""The Python API on PyTorch models: Neural Compressor's snippets and behaviours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from project import Project
from snippets import run_snippet, write_conf, write_data

SHAPE = (3, 8, 8)

MODULE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(288, 4)

    def forward(self, x):
        return self.fc(torch.relu(self.conv(x)).flatten(1))

torch.manual_seed(0)
model = Net()
"""
"""What stands above the snippet in a user's script."""


def network() -> Any:
    space: dict[str, Any] = {"__name__": "users"}
    exec(MODULE, space)
    return space["model"].eval()


def predicted(images: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(network()(torch.from_numpy(images)))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    write_data(tmp_path, predicted, SHAPE)
    write_conf(tmp_path, "pytorch")
    example = (torch.zeros(2, *SHAPE),)
    sizes = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(network(), example, dynamic_shapes=sizes)
    torch.export.save(program, tmp_path / "model.pt2")
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("name", "model"),
    [("no_yaml", "'./model.pt2'"), ("with_yaml", "model"), ("own_classes", "model")],
)
def test_the_snippets_run_unchanged(project: Project, name: str, model: str) -> None:
    preamble = MODULE if model == "model" else ""
    saved = run_snippet(project, name, model, f"out/{name}.pt2", preamble)
    program = torch.export.load(saved)
    assert torch.bfloat16 in {each.dtype for each in program.state_dict.values()}
