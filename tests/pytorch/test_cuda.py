"""`device:` from the spec to the saved file, on the CPU and on the GPU if there is one.

One code path serves both, so that what a machine without a GPU tests is what runs there.
The end of the output says if no GPU was there; requirements are tested without one.
"""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from narrowcast.runtime.common.errors import ModelError, RequirementError
from narrowcast.runtime.common.telling.progress import Terminal
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import (
    Evaluation,
    Watch,
    evaluate,
    to_the_end,
)
from narrowcast.runtime.evaluation.metrics.mse import MSE
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.pytorch.answers import answer
from narrowcast.runtime.frameworks.pytorch.running.device import (
    absent,
    finished,
    of_batch,
    of_model,
)
from narrowcast.runtime.frameworks.pytorch.running.switches import hold_fp32
from narrowcast.runtime.graph.graph import Placement, Precision
from narrowcast.runtime.graph.pins import Pins
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search import Budget, search

BF16, FP16, FP32 = Precision.BF16, Precision.FP16, Precision.FP32
FORCE = {"FORCE_BF16": "1", "FORCE_FP16": "1"}
LOW = pytest.mark.parametrize("low", [BF16, FP16])
HAS_CUDA = torch.cuda.is_available()


class Network(nn.Module):
    """Convolution, batch norm, a constant made in forward(), attention, LSTM, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16)
        self.lstm = nn.LSTM(16, 16, batch_first=True)
        self.head = nn.Linear(16, 4)
        self.register_buffer("scale", torch.linspace(0.5, 2.0, 16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.conv(x)).relu().flatten(2).mT
        places = torch.arange(y.shape[1], device=x.device)[:, None] / 100
        y, _state = self.lstm(y * self.scale + places.sin())
        return self.head(F.scaled_dot_product_attention(y, y, y)).mean(1)


@pytest.fixture
def network(device: str) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    return Network().eval().to(device), torch.randn(4, 3, 6, 6).to(device)


@LOW
def test_all_of_a_converted_model_is_on_the_device(
    tools: Any, network: Any, device: str, low: Precision, tmp_path: Path
) -> None:
    model, x = network
    traced = tools.trace(model, x, low=low)
    placement = tools.all_low(traced, low)
    layers = {op.type for op in traced.graph.ops if placement[op.id] == low}
    assert {"conv2d", "lstm", "linear", "scaled_dot_product_attention"} <= layers
    path = traced.save(traced.apply(placement), tmp_path / "model.pt2")
    weights = torch.export.load(path).state_dict
    assert {each.device.type for each in weights.values()} == {device}
    assert low.dtype in {
        str(each.dtype).removeprefix("torch.") for each in weights.values()
    }
    (found,) = pytorch.load_saved(path)((x,))
    with torch.no_grad():
        expected = model(x).cpu()
    assert tools.error(expected, torch.from_numpy(found)) < 0.02


def test_ops_casts_and_models_are_timed_on_the_device(tools: Any, network: Any) -> None:
    model, x = network
    traced = tools.trace(model, x)
    ticks = itertools.count()
    ops = {op.id for op in traced.graph.ops if op.kernel(BF16)}
    timed = traced.time(BF16, ops, lambda: float(next(ticks)), 0.0)
    assert {name for name, _precision in timed.ops} == ops
    assert {each.median for each in timed.ops.values()} == {1.0}
    assert {each.median for each in timed.casts.values()} == {1.0}
    whole = {"fp32": tools.all_fp32(traced), "bf16": tools.all_low(traced)}
    assert traced.time_whole(whole, lambda: float(next(ticks))).keys() == whole.keys()


def test_a_call_is_timed_until_the_device_is_done(device: str) -> None:
    x = torch.randn(256, 256, device=device)
    products: list[torch.Tensor] = []

    def call() -> None:
        products.append(torch.linalg.multi_dot([x] * 8))

    finished({"product": call}, x.device)["product"]()
    assert len(products) == 1
    # torch.cpu has streams to be asked too; they are always done.
    stream = torch.get_device_module(device).current_stream()
    assert getattr(stream, "query", lambda: True)()


def test_fp32_is_fp32_on_the_device(device: str) -> None:
    switches = hold_fp32(torch.device(device))
    assert switches["torch.backends.cudnn.allow_tf32"] == "False"
    assert switches["torch.set_float32_matmul_precision"] == "highest"
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


def test_the_device_is_that_of_the_batch_and_of_the_weights(network: Any) -> None:
    model, x = network
    assert of_batch((x,)).type == of_model(model).type == x.device.type
    assert of_model(nn.ReLU()).type == of_model(torch.relu).type == "cpu"


def test_a_trial_without_memory_is_a_failed_trial_with_one_line(
    tools: Any, network: Any, device: str
) -> None:
    model, x = network
    traced = tools.trace(model, x)
    with torch.no_grad():
        labels = model(x).cpu().numpy()
    said = io.StringIO()

    def batches() -> Iterator[tuple[Any, Any]]:
        yield (x,), labels

    def score(placement: Placement, watch: Watch = to_the_end) -> Evaluation:
        if placement["head:linear:0"] == BF16:
            torch.empty(2**55, device=device)
        return evaluate(pytorch.predictor(traced.apply(placement)), batches, MSE)

    found = search(
        traced,
        score,
        low=BF16,
        objective=low_compute,
        pins=Pins(),
        criterion=Criterion(absolute=1e-3, higher_is_better=False),
        baseline=evaluate(pytorch.predictor(model), batches, MSE),
        budget=Budget(),
        progress=Terminal(said),
        clock=lambda: 0.0,
    )
    assert found.trials[0].evaluation is None
    assert "memory" in found.trials[0].failure
    assert found.trials[-1].holds
    lines = [line for line in said.getvalue().splitlines() if "failed" in line]
    assert len(lines) == len([t for t in found.trials if t.evaluation is None])


def moved(path: Path, device: str) -> Path:
    """The archive as if its weights had been written on another device."""
    other = path.with_name(f"{device}.pt2")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(other, "w") as target:
        for member in source.infolist():
            data = source.read(member)
            if member.filename.endswith("_config.json"):
                text = data.decode().replace('"type": "cpu"', f'"type": "{device}"')
                data = text.encode()
            target.writestr(member, data)
    return other


def test_a_file_for_a_gpu_says_so_where_there_is_none(
    tools: Any, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(4, 4)), torch.randn(2, 4)
    traced = tools.trace(model, x)
    path = traced.save(traced.apply(tools.all_low(traced)), tmp_path / "cpu.pt2")
    other = moved(path, "cuda")
    if HAS_CUDA:
        assert pytorch.load_saved(other)((x.to("cuda"),))[0].shape == (2, 4)
        return
    with pytest.raises(RequirementError) as caught:
        pytorch.load_saved(other)
    assert caught.value.message == (
        f"cuda.pt2 was converted for a CUDA device: {absent(torch)}"
    )
    damaged = tmp_path / "damaged.pt2"
    damaged.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ModelError, match=r"^damaged\.pt2 "):
        pytorch.load_saved(damaged)


def test_what_keeps_pytorch_from_a_gpu_is_said() -> None:
    said = answer(BF16, "cuda").said
    if HAS_CUDA:
        assert torch.cuda.get_device_name() in said
    elif torch.backends.cuda.is_built():
        assert said.startswith("torch.cuda.is_available() is False")
    else:
        assert said == f"this PyTorch ({torch.__version__}) is built without CUDA"


# From the spec to the file

NET = """
from torch import nn


def build():
    return nn.Sequential(
        nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(),
        nn.Linear(256, 32), nn.GELU(), nn.LayerNorm(32), nn.Linear(32, 4),
    )
"""

SPEC = """
model:
  name: net
  framework: pytorch
  factory: net:build
  weights: net.pth
  inputs: [{{name: x, shape: [batch, 3, 6, 6]}}]
device: {device}
mixed_precision: {{precisions: {low}}}
evaluation:
  accuracy:
    metric: {{MSE: {{}}}}
    dataloader:
      batch_size: 16
      dataset: {{npz: {{path: rows.npz, inputs: x, label: y}}}}
tuning:
  objective: {objective}
  accuracy_criterion: {{absolute: 0.01, higher_is_better: false}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a small model and its data."""
    (tmp_path / "net.py").write_text(NET)
    namespace: dict[str, Any] = {}
    exec(NET, namespace)
    torch.manual_seed(0)
    model, x = namespace["build"]().eval(), torch.randn(32, 3, 6, 6)
    torch.save(model.state_dict(), tmp_path / "net.pth")
    with torch.no_grad():
        np.savez(tmp_path / "rows.npz", x=x.numpy(), y=model(x).numpy())
    return tmp_path


def spec(folder: Path, device: str, low: Precision, objective: str) -> None:
    values = {"device": device, "low": low, "objective": objective}
    (folder / "net.yaml").write_text(SPEC.format(**values))


SAVED = """
import json, sys
import numpy as np
import torch

program = torch.export.load(sys.argv[1])
x = torch.from_numpy(np.load("rows.npz")["x"])
found = program.module()(x.to(sys.argv[2]))
print(json.dumps({
    "output": found.cpu().tolist(),
    "dtype": str(found.dtype),
    "casts": sum(node.target == torch.ops.aten._to_copy.default for node in program.graph.nodes),
    "weights": {name: [str(w.dtype), w.device.type] for name, w in program.state_dict.items()},
}))
"""


@pytest.mark.parametrize(
    ("low", "objective"), [(FP16, "low_compute"), (BF16, "latency")]
)
def test_a_spec_becomes_a_checked_file(
    project: Path, python: Any, device: str, low: Precision, objective: str
) -> None:
    spec(project, device, low, objective)
    command = ("-m", "narrowcast", "run", "net.yaml", "--json")
    done = python(*command, cwd=project, env=FORCE)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["judgement"]["holds"]
    assert report["trials"] == 1
    assert report["model"] == f"net.{low}.pt2"
    if objective == "low_compute":
        assert report["flops_low"] / report["flops"] > 0.95
    plan = json.loads((project / "net.plan.json").read_text())
    target = plan["hardware"]["is_target"]
    assert (report["latency"] is None) != target
    assert ("cuda" in plan["hardware"]) == (device == "cuda")
    assert ("costs" in plan) == (target and objective == "latency")
    said = "This machine is not the target: nothing is timed on it."
    assert any(said in warning for warning in report["warnings"]) != target
    other = FP16 if low is BF16 else BF16
    script = (project / "convert_net.py").read_text()
    assert str(low) in script
    assert str(other) not in script.lower()
    if objective == "low_compute":
        check_saved(project, python, device, low, report["casts"])


def check_saved(
    folder: Path, python: Any, device: str, low: Precision, casts: int
) -> None:
    """Open the file in a process that knows nothing of narrowcast."""
    done = python("-I", "-c", SAVED, f"net.{low}.pt2", device, cwd=folder)
    assert done.returncode == 0, done.stderr
    saved = json.loads(done.stdout)
    assert saved["dtype"] == "torch.float32"
    assert saved["casts"] == casts == 2
    assert {tuple(each) for each in saved["weights"].values()} == {
        (f"torch.{low.dtype}", device)
    }
    rows = np.load(folder / "rows.npz")
    assert np.square(np.array(saved["output"]) - rows["y"]).mean() < 1e-5


def test_a_target_that_is_not_here_is_refused_before_the_model_is_touched(
    project: Path, python: Any
) -> None:
    """Neither factory nor data are read: they are gone."""
    for name in ("net.py", "net.pth", "rows.npz"):
        (project / name).unlink()
    spec(project, "gpu", BF16, "low_compute")
    done = python("-m", "narrowcast", "run", "net.yaml", cwd=project, env=FORCE)
    assert 'device="cuda"' in (project / "convert_net.py").read_text()
    if HAS_CUDA:
        assert done.returncode == 2
        assert "net" in done.stderr
        return
    assert (done.returncode, done.stdout) == (3, "")
    assert "bf16 is not possible here (PyTorch on cuda):" in done.stderr
    assert f"PyTorch finds no CUDA device: {absent(torch)}." in done.stderr
    assert "device: cpu" in done.stderr
    assert "Traceback" not in done.stderr


def test_fp16_on_a_cpu_without_it_needs_force_and_says_what_is_missing(
    project: Path, python: Any
) -> None:
    spec(project, "cpu", FP16, "low_compute")
    env = {"FORCE_FP16": "0"}
    done = python("-m", "narrowcast", "run", "net.yaml", cwd=project, env=env)
    native = answer(FP16, "cpu").supported
    if native:
        assert done.returncode == 0, done.stderr
        return
    assert (done.returncode, done.stdout) == (3, "")
    assert "fp16 is not possible here (PyTorch on cpu):" in done.stderr
    assert "FORCE_FP16=1" in done.stderr
    assert not (project / "net.fp16.pt2").exists()
