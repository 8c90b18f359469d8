"""A saved model needs no class but PyTorch's own: it loads in a process without them."""

from __future__ import annotations

import subprocess
import sys
from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

Pair = namedtuple("Pair", ["low", "high"])


@dataclass
class Answer:
    """What a library's model returns, as transformers does."""

    logits: torch.Tensor
    states: tuple[torch.Tensor, ...]


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> dict[str, Any]:
        hidden = self.body(x).relu()
        answer = Answer(self.head(hidden), (hidden,))
        return {"answer": answer, "range": Pair(hidden.mean(1), torch.max(hidden, 1))}


SHOW = """
import sys, torch
found = torch.export.load(sys.argv[1]).module()(torch.load(sys.argv[2]))
print(type(found["answer"]).__name__, sorted(found["answer"]), len(found["range"]))
torch.save([*torch.utils._pytree.tree_leaves(found)], sys.argv[3])
"""


@pytest.fixture(scope="module", autouse=True)
def _registered() -> None:
    torch.export.register_dataclass(Answer, serialized_type_name="tests.Answer")


def test_outputs_in_own_classes_load_where_the_classes_are_unknown(
    tools: Any, tmp_path: Path
) -> None:
    model, x = Classifier().eval(), torch.randn(4, 8)
    program = tools.trace(model, x)
    program.save(program.apply(tools.all_low(program)), tmp_path / "m.pt2")
    torch.save(x, tmp_path / "x.pt")
    files = [str(tmp_path / name) for name in ("m.pt2", "x.pt", "y.pt")]
    shown = subprocess.run(
        [sys.executable, "-c", SHOW, *files], capture_output=True, text=True, check=True
    )
    assert shown.stdout.split("\n")[0] == "dict ['logits', 'states'] 2"
    expected = torch.utils._pytree.tree_leaves(model(x))
    for found, reference in zip(torch.load(files[2]), expected, strict=True):
        assert found.dtype == reference.dtype
        if found.is_floating_point():
            assert tools.error(reference.double(), found) < 0.02
