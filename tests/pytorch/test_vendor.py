"""Scripts with a copy of the runtime, where narrowcast is not installed."""

from __future__ import annotations

import shutil
from pathlib import Path

import end_to_end
import one_model
import torch
import vendored

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "mnist"


def test_a_copy_gives_the_same_bytes(tmp_path: Path) -> None:
    """Of a model that a module of the user's makes, which is beside the script."""
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copy(EXAMPLE / "mnist_cnn.py", folder)
    state = {k: torch.tensor(v) for k, v in one_model.weights().items()}
    torch.save(state, folder / "digits.pt")
    model = {
        "framework": "pytorch",
        "factory": "mnist_cnn:build",
        "weights": "digits.pt",
        "inputs": [
            {"name": "image", "shape": ["batch", 1, 28, 28], "dtype": "float32"}
        ],
    }
    project = end_to_end.project_in(folder)
    vendored.check_vendored(project, model, "bf16", "net.bf16.pt2")
