"""Operators that the model's own module registers, and those that torch can't shape."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from by_reference import opened_and_called
from torch import nn

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.common.processes.fresh import in_fresh_process
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.graph.graph import Precision

BF16, FP32 = Precision.BF16, Precision.FP32

OWN = """
import torch
from torch import nn

{operator}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        return self.last({call})
"""

DECORATED = """
@torch.library.custom_op("{name}::scaled", mutates_args=())
def scaled(x: torch.Tensor, by: float, how: str) -> torch.Tensor:
    return x * by if how == "times" else x / by


@scaled.register_fake
def _(x, by, how):
    return torch.empty_like(x)
"""

DEFINED = """
torch.library.define("{name}::halves", "(Tensor x) -> (Tensor, Tensor)")


@torch.library.impl("{name}::halves", "CPU")
def halves(x):
    return x * 0.5, x * 0.5


@torch.library.register_fake("{name}::halves")
def _(x):
    return torch.empty_like(x), torch.empty_like(x)
"""

FORMS = {
    "decorated": (DECORATED, 'scaled(self.first(x), 0.5, "times")'),
    "defined": (DEFINED, "sum(torch.ops.{name}.halves(self.first(x)))"),
}

IN_A_NEW_PYTHON = """
import torch, {name}
model, x = torch.export.load("net.pt2").module(), torch.load("x.pt")
torch.save(model(x), "y.pt")
"""


@pytest.mark.parametrize("form", FORMS)
def test_an_operator_of_the_models_own_stays_fp32_and_is_found_again(
    tools: Any,
    python: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
) -> None:
    operator, call = FORMS[form]
    name = f"own_{form}"
    text = OWN.format(operator=operator.format(name=name), call=call.format(name=name))
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, name, raising=False)
    torch.manual_seed(0)
    model, x = import_module(name).Net().eval(), torch.randn(5, 8)
    program = tools.trace(model, x)
    placement = tools.all_low(program)
    (own,) = (op for op in program.graph.ops if op.type.startswith(name))
    assert placement[own.id] == FP32
    assert placement["first:linear:0"] == placement["last:linear:0"] == BF16
    (note,) = program.notes
    assert note.startswith(f"import {name} before the saved model is loaded")
    path = program.save(program.apply(placement), tmp_path / "net.pt2")
    with torch.no_grad():
        expected = model(x)
    if form == "decorated":
        (found,) = in_fresh_process(opened_and_called, program.load_saved, path, x)
        assert tools.error(expected, torch.from_numpy(found)) < 0.01
        # Text may be a file's name, to who did not make the model.
        with pytest.raises(ModelError, match="which may reach files"):
            pytorch.open_pt2(path, (Input("x", ("batch", 8), "float32"),))
    else:
        torch.save(x, tmp_path / "x.pt")
        done = python("-c", IN_A_NEW_PYTHON.format(name=name), cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert tools.error(expected, torch.load(tmp_path / "y.pt")) < 0.01


class Quantised(nn.Module):
    """A layer's outputs rounded to eight bits, and a layer."""

    def __init__(self, rounded: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self.rounded = rounded
        self.first, self.last = nn.Linear(8, 16), nn.Linear(16, 4)
        self.register_buffer("scales", torch.full((16,), 0.01))
        self.register_buffer("zeros", torch.zeros(16, dtype=torch.int32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made = self.rounded(self.first(x), self.scales, self.zeros)
        out: torch.Tensor = self.last(made)
        return out


ROUNDED: dict[str, Callable[..., torch.Tensor]] = {
    "tensor": lambda y, s, z: torch.fake_quantize_per_tensor_affine(
        y, 0.01, 0, -128, 127
    ),
    "tensor's own": lambda y, s, z: torch.fake_quantize_per_tensor_affine(
        y, s[:1], z[:1], -128, 127
    ),
    "channel": lambda y, s, z: torch.fake_quantize_per_channel_affine(
        y, s, z, 1, -128, 127
    ),
    "learned": lambda y, s, z: torch._fake_quantize_learnable_per_channel_affine(
        y, s, z.float(), 1, -128, 127, 1.0
    ),
}


@pytest.mark.parametrize("name", ROUNDED)
def test_fake_quantisation_stays_fp32_at_any_batch(
    tools: Any, tmp_path: Path, name: str
) -> None:
    torch.manual_seed(0)
    model, x = Quantised(ROUNDED[name]).eval(), torch.randn(6, 8)
    program = tools.trace(model, x[:2])
    placement = tools.all_low(program)
    low = {op.type for op in program.graph.ops if placement[op.id] == BF16}
    assert low == {"linear"}
    path = program.save(program.apply(placement), tmp_path / "net.pt2")
    loaded = torch.export.load(path).module()
    with torch.no_grad():
        assert tools.error(model(x), loaded(x)) < 0.03
