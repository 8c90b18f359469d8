"""The record that the other frameworks are held to is what PyTorch does."""

from __future__ import annotations

import json
import os
import runpy
from pathlib import Path
from typing import Any

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
