"""What the report says is true of the saved file, as PyTorch and NumPy alone find it."""

from __future__ import annotations

import json
import re
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recomputed_pytorch as recomputed
import torch

from narrowcast.codegen import compile_script, render
from narrowcast.spec import loads

NET = '''
import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    """A convolution, attention under a mask, recurrent layers and a head."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.qkv, self.scale = nn.Linear(32, 96), nn.LayerNorm(32)
        self.rnn = nn.LSTM(32, 16, 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(32, 3)

    def forward(self, image, keep):
        y = F.relu(self.norm(self.conv(image[:, None]))).transpose(1, 2).flatten(2)
        q, k, v = self.qkv(self.scale(y)).chunk(3, -1)
        mask = (1.0 - keep[:, None, :]) * torch.finfo(torch.float32).min
        y = y + F.scaled_dot_product_attention(q, k, v, mask)
        return self.head(self.rnn(y)[0][:, -1])


def build():
    torch.manual_seed(0)
    return Net()
'''

SPEC = """
model:
  name: net
  framework: pytorch
  factory: truthful_net:build
  weights: net.pth
  inputs: [{name: image, shape: [batch, 8, 8]}, {name: keep, shape: [batch, 8]}]
mixed_precision:
  precisions: bf16
  op_wise: {"rnn:lstm_l1_reverse:0": {activation: {dtype: [fp32]}}}
evaluation:
  accuracy:
    metric: {MSE: {}}
    dataloader:
      batch_size: 8
      dataset: {npz: {path: data.npz, inputs: [image, keep], label: label}}
tuning:
  accuracy_criterion: {absolute: 0.000001, higher_is_better: false}
"""

LOW = torch.bfloat16


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The converted model's folder."""
    folder = tmp_path_factory.mktemp("truth")
    (folder / "truthful_net.py").write_text(NET)
    namespace: dict[str, Any] = {}
    exec(NET, namespace)
    model = namespace["build"]().eval()
    torch.save(model.state_dict(), folder / "net.pth")
    draw = np.random.default_rng(0)
    image = draw.standard_normal((32, 8, 8)).astype("f4")
    keep = np.ones((32, 8), "f4")
    keep[::3, 5:] = 0
    keep[9:] = np.where(np.arange(32)[9:, None] == 20, 0, keep[9:])  # 20 sees nothing
    with torch.no_grad():
        label = model(torch.from_numpy(image), torch.from_numpy(keep)).numpy()
    np.savez(folder / "data.npz", image=image, keep=keep, label=label)
    path = folder / "convert_truthful.py"
    path.write_text(render(compile_script(loads(SPEC), folder / "net.yaml", path)))
    return folder


def test_the_report_is_true_of_the_saved_file(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_BF16", "1")
    monkeypatch.syspath_prepend(project)
    monkeypatch.chdir(project)
    path = str(project / "convert_truthful.py")
    made = import_module("convert_truthful")
    code = made.command_line(path, made.NAME, made.convert, ["--json"])
    out, err = capfd.readouterr()
    assert code == 0, err
    report = json.loads(out)
    plan = json.loads((project / report["plan"]).read_text())
    saved = project / report["model"]
    found = recomputed.recomputed(saved, project / "data.npz", ["image", "keep"], 8)
    assert found["finite"]
    assert found["dtype"] == "float32"
    result = report["judgement"]["result"]
    assert result["samples"] == 32
    assert found["mse"] == pytest.approx(result["value"], rel=1e-4)
    assert plan["judgement"]["result"] == result["value"]
    assert 0 < found["mse"] <= 1e-6
    assert found["casts"] == report["casts"] == len(plan["casts"])
    flops = found["flops"]
    share = flops[LOW] / sum(flops.values())
    assert share == pytest.approx(report["flops_low"] / report["flops"], abs=0.01)
    assert 0.5 < share < 1
    assert sum(flops.values()) == pytest.approx(report["flops"], rel=0.02)
    assert found["bytes"] == report["saved_bytes"]
    weights = torch.load(project / "net.pth", weights_only=True)
    floats = [  # the norm is folded into the convolution
        w for n, w in weights.items() if w.is_floating_point() and "norm" not in n
    ]
    assert report["fp32_bytes"] == 4 * sum(w.numel() for w in floats)
    assert found["heavy"] == planned(plan["ops"])
    assert plan["ops"]["rnn:lstm_l1_reverse:0"] == "fp32"
    assert found["heavy"]["lstm", torch.float32] == 1


def planned(ops: dict[str, str]) -> Counter[tuple[str, torch.dtype]]:
    """Heavy operators by dtype, as a plan has them."""
    dtypes = {"fp32": torch.float32, "bf16": LOW}
    types = {name: re.sub(r"_l\d.*|_reverse", "", name.split(":")[-2]) for name in ops}
    return Counter(
        (types[name], dtypes[precision])
        for name, precision in ops.items()
        if types[name] in recomputed.HEAVY
    )


def test_what_recomputes_knows_nothing_of_narrowcast() -> None:
    assert "narrowcast" not in Path(recomputed.__file__).read_text()
