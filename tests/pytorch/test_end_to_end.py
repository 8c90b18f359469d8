"""From a spec to a converted file through the command line, as a user goes."""

from __future__ import annotations

import copy
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from narrowcast.runtime.hardware import requirements
from narrowcast.runtime.hardware.cpu import read_cpu
from narrowcast.runtime.main import command_line

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "mnist"


def report_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What a run with --json says."""
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.fixture(scope="module")
def converted(
    python: Any, mnist_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """The MNIST example, searched for twice, in two folders; by two workers at last."""
    results = []
    for name, workers in (("one", ()), ("another", ("--workers", "2"))):
        folder = tmp_path_factory.mktemp(name) / "mnist"
        folder.mkdir()
        for file in ("mnist.yaml", "mnist_cnn.py"):
            shutil.copyfile(EXAMPLE / file, folder / file)
        (folder / "data").symlink_to(mnist_data, target_is_directory=True)
        command = ("-m", "narrowcast", "run", "mnist.yaml", "--search", "--json")
        results.append((folder, python(*command, *workers, cwd=folder)))
    return results


def test_mnist_takes_one_trial_and_goes_low(converted: Any) -> None:
    report = report_of(converted[0][1])
    assert report["trials"] == 1
    assert report["exit_code"] == 0
    assert report["judgement"]["holds"]
    before, after = (
        report["judgement"][key]["value"] for key in ("baseline", "result")
    )
    assert report["judgement"]["result"]["samples"] == 5000
    assert before == pytest.approx(0.997, abs=1e-4)
    assert before - after <= 0.001
    assert report["flops_low"] / report["flops"] >= 0.95
    assert report["casts"] == 2


def test_the_mnist_file_is_little_more_than_half_its_fp32_weights(
    converted: Any, mnist_data: Path
) -> None:
    folder, _done = converted[0]
    weights = torch.load(mnist_data / "mnist_cnn.pth", weights_only=True)
    fp32 = sum(value.numel() * 4 for value in weights.values())
    assert (folder / "mnist_cnn.bf16.pt2").stat().st_size <= 0.55 * fp32


def test_workers_in_another_folder_give_the_same_plan_and_model(
    converted: Any,
) -> None:
    (one, _first), (another, done) = converted
    assert done.returncode == 0
    assert "loaded in the workers" in done.stderr
    for name in ("mnist_cnn.bf16.pt2", "convert_mnist_cnn.py"):
        assert (one / name).read_bytes() == (another / name).read_bytes()
    plans = [
        json.loads((folder / "mnist_cnn.plan.json").read_text())
        for folder in (one, another)
    ]
    timed = [plan.pop("latency", {}) for plan in plans]
    assert plans[0] == plans[1]
    assert timed[0].keys() == timed[1].keys()


PLACED = ("format", "name", "precision", "objective", "trials", "graph", "casts", "ops")


def test_the_committed_plan_is_what_a_run_finds(converted: Any) -> None:
    """Hardware, versions and the model's bytes are the machine's own."""
    folder, _done = converted[0]
    found = json.loads((folder / "mnist_cnn.plan.json").read_text())
    committed = json.loads((EXAMPLE / "mnist_cnn.plan.json").read_text())
    assert {key: committed[key] for key in PLACED} == {
        key: found[key] for key in PLACED
    }
    assert committed["fp32"].keys() == found["fp32"].keys()
    assert committed["files"] == found["files"]


def test_a_run_beside_a_plan_replays_it(converted: Any, python: Any) -> None:
    folder, _done = converted[0]
    plan, model = folder / "mnist_cnn.plan.json", folder / "mnist_cnn.bf16.pt2"
    before = plan.read_bytes(), model.read_bytes()
    model.unlink()
    done = python("-m", "narrowcast", "run", "mnist.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "replaying mnist_cnn.plan.json" in done.stderr
    assert "criterion holds" in done.stdout
    assert "none: the committed plan was replayed" in done.stdout
    assert "warning" not in done.stdout
    assert (plan.read_bytes(), model.read_bytes()) == before


NET = """
import os
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn


def build():
    return nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.Linear(64, 4))


class Rows:
    def __init__(self, path, scale):
        self.rows = np.load(path)["x"] * scale
        self.labels = np.load(path)["y"]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, k):
        return self.rows[k], self.labels[k]


class Largest:
    def __init__(self, power):
        self.power = power
        self.reset()

    def reset(self):
        self.worst = 0.0

    def update(self, predictions, labels):
        self.worst = max(self.worst, float(np.abs(predictions - labels).max()))

    def result(self):
        return self.worst**self.power
"""

MODEL = """
model:
  name: net
  framework: pytorch
  factory: {module}:build
  weights: net.pth
  inputs: [{{name: x, shape: [batch, 8]}}]
mixed_precision: {{precisions: bf16}}
"""

NPZ = """
evaluation:
  accuracy:
    metric: {MSE: {}}
    dataloader:
      batch_size: 16
      dataset: {npz: {path: rows.npz, inputs: x, label: y}}
tuning:
  accuracy_criterion: {absolute: 0.01, higher_is_better: false}
"""

PYTHON = """
evaluation:
  accuracy:
    metric: {{python: "{module}:Largest", args: {{power: 2}}}}
    dataloader:
      batch_size: 16
      dataset: {{python: "{module}:Rows", args: {{path: rows.npz, scale: 1.0}}}}
tuning:
  accuracy_criterion: {{absolute: {allowed}, higher_is_better: false}}
"""


class Project:
    """A folder with a small model, its data and a spec."""

    def __init__(self, folder: Path, python: Any, module: str = "net") -> None:
        self.folder, self.python, self.module = folder, python, module
        self.write(f"{module}.py", NET)
        namespace: dict[str, Any] = {}
        exec(NET, namespace)
        torch.manual_seed(0)
        self.model = namespace["build"]()
        self.save()
        x = torch.randn(64, 8)
        with torch.no_grad():
            y = self.model(x)
        np.savez(folder / "rows.npz", x=x.numpy(), y=y.numpy())

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def spec(self, evaluation: str, **values: Any) -> None:
        text = MODEL.format(module=self.module)
        if values:
            evaluation = evaluation.format(module=self.module, **values)
        self.write("net.yaml", text + evaluation)

    def save(self) -> None:
        torch.save(self.model.state_dict(), self.folder / "net.pth")

    def run(self, *options: str, env: Mapping[str, str] = {}) -> Any:
        command = ("-m", "narrowcast", "run", "net.yaml", *options)
        return self.python(*command, cwd=self.folder, env=env)

    def plan(self) -> dict[str, Any]:
        plan: dict[str, Any] = json.loads((self.folder / "net.plan.json").read_text())
        return plan

    def copied(self, folder: Path) -> Project:
        """The same in another folder, with all that was made in this one."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        other = copy.copy(self)
        other.folder, other.model = folder, copy.deepcopy(self.model)
        return other

    def predict(self, x: torch.Tensor, name: str = "net.bf16.pt2") -> torch.Tensor:
        module = torch.export.load(self.folder / name).module()
        with torch.no_grad():
            found: torch.Tensor = module(x)
        return found


@pytest.fixture
def project(tmp_path: Path, python: Any) -> Project:
    return Project(tmp_path, python)


@pytest.fixture(scope="module")
def first(python: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What is judged by rows, converted once, and what was said of it."""
    project = Project(tmp_path_factory.mktemp("first"), python)
    project.spec(NPZ)
    return project, project.run("--json")


@pytest.fixture
def planned(first: Any, tmp_path: Path) -> Project:
    """A copy of its folder: a plan lies beside the spec."""
    project, done = first
    report_of(done)
    copied: Project = project.copied(tmp_path)
    return copied


def test_npz_data_and_mean_squared_error(first: Any) -> None:
    project, done = first
    report = report_of(done)
    judged = report["judgement"]
    assert judged["baseline"]["metric"] == "MSE"
    assert judged["baseline"]["value"] < 1e-10 < judged["result"]["value"] < 0.01
    assert judged["result"]["samples"] == 64
    assert report["flops_low"] == report["flops"]
    assert project.plan()["ops"]["0:linear:0"] == "bf16"


def test_a_dataset_and_a_metric_in_python(project: Project) -> None:
    project.spec(PYTHON, allowed=0.01)
    report = report_of(project.run("--json"))
    judged = report["judgement"]
    assert judged["result"]["metric"] == "Largest"
    rows = np.load(project.folder / "rows.npz")
    found = project.predict(torch.from_numpy(rows["x"])).numpy()
    worst = float(np.abs(found - rows["y"]).max()) ** 2
    assert judged["result"]["value"] == pytest.approx(worst, rel=1e-5)
    assert set(project.plan()["files"]["python"]) == {"net"}


def test_without_an_evaluation_nothing_is_claimed(project: Project) -> None:
    project.spec("")
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert "criterion not checked: nothing was judged" in done.stdout
    assert project.plan()["judgement"] is None
    assert project.predict(torch.randn(5, 8)).shape == (5, 4)


DRIFT = """
tuning:
  accuracy_criterion:
    drift: {sqnr: 30, least_cosine: 0.99, on_random_inputs: true}
"""


def test_drift_on_random_inputs_judges_where_it_is_asked_for(project: Project) -> None:
    project.spec(DRIFT)
    report = report_of(project.run("--json"))
    numbers = {each["metric"]: each for each in report["judgement"]["numbers"]}
    assert set(numbers) == {"SQNR", "least cosine"}
    assert numbers["SQNR"]["result"] > 30
    assert report["flops_low"] == report["flops"]
    assert any("drift is judged on random inputs" in each for each in report["notes"])
    parts = project.plan()["judgement"]["parts"]
    assert {each["metric"] for each in parts} == set(numbers)


def test_changed_weights_are_said_applied_and_evaluated(planned: Project) -> None:
    with torch.no_grad():
        planned.model[3].bias += 0.05
    planned.save()
    done = planned.run("--json")
    report = report_of(done)
    assert report["warnings"] == ["net.pth changed since the plan was made"]
    assert "warning    net.pth changed since the plan was made" in done.stderr
    assert report["replayed"]
    assert report["judgement"]["baseline"]["value"] == pytest.approx(0.0025, rel=1e-3)
    assert report["judgement"]["holds"]
    x = torch.randn(5, 8)
    with torch.no_grad():
        assert torch.allclose(planned.predict(x), planned.model(x), atol=0.02)


PINNED = """
quantization:
  op_wise: {'0': {activation: {dtype: [fp32]}}}
"""


def test_a_pin_added_after_the_plan_is_not_ignored(planned: Project) -> None:
    planned.spec(NPZ + PINNED)
    done = planned.run()
    assert (done.returncode, done.stdout) == (2, "")
    assert "net.plan.json has 0:linear:0 in bf16" in done.stderr
    assert "quantization.op_wise" in done.stderr
    report = report_of(planned.run("--search", "--json"))
    assert planned.plan()["ops"]["0:linear:0"] == "fp32"
    assert 0 < report["flops_low"] < report["flops"]


def test_of_both_precisions_the_better_is_kept_and_replayed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fp16 rounds less: where both convert all, the smaller loss decides."""
    monkeypatch.setenv("FORCE_BF16", "1")
    monkeypatch.setenv("FORCE_FP16", "1")
    project.spec(NPZ)
    spec = project.folder / "net.yaml"
    text = spec.read_text().replace("precisions: bf16", "precisions: [bf16, fp16]")
    spec.write_text(text)
    done = project.run("--json")
    report = report_of(done)
    assert [line in done.stderr for line in ("  bf16 ", "  fp16 ")] == [True, True]
    assert report["low"] == "fp16"
    assert report["flops_low"] == report["flops"]
    plan = project.plan()
    assert (plan["precision"], plan["model"]["file"]) == ("fp16", "net.fp16.pt2")
    assert [path.name for path in project.folder.glob("*.pt2")] == ["net.fp16.pt2"]
    done = project.run("--json")
    assert report_of(done)["replayed"]
    assert "bf16" not in done.stderr.replace("FORCE_BF16", "")
    assert project.plan() == plan


LATENCY = NPZ.replace("tuning:", "tuning:\n  objective: latency")


def test_the_kernels_of_a_plan_are_replayed_and_reported(planned: Project) -> None:
    plan = {**planned.plan(), "forms": {"0:linear:0": "linear+relu"}}
    planned.write("net.plan.json", json.dumps(plan))
    planned.spec(LATENCY)
    report = report_of(planned.run("--json"))
    assert report["replayed"] and report["judgement"]["holds"]
    assert report["kernels"] == "1 linear+relu"
    graph = torch.export.load(planned.folder / "net.bf16.pt2").graph
    called = [str(n.target) for n in graph.nodes if n.op == "call_function"]
    assert "mkldnn._linear_pointwise.default" in called
    assert "aten.relu.default" not in called
    plan["forms"] = {"0:linear:0": "linear+gelu"}
    planned.write("net.plan.json", json.dumps(plan))
    done = planned.run()
    assert (done.returncode, done.stdout) == (2, "")
    assert "0:linear:0 as linear+gelu" in done.stderr


def test_latency_decides_by_the_clock_only_on_the_target(project: Project) -> None:
    project.spec(LATENCY)
    report = report_of(project.run("--json"))
    assert report["objective"] == "latency"
    if report["is_target"]:
        assert project.plan()["costs"]["ops"]
    else:
        assert report["kernels"] == "" and report["latency"] is None
        assert "nothing is timed here" in " ".join(report["warnings"])


def test_a_changed_spec_is_said_and_evaluated(planned: Project) -> None:
    planned.spec(NPZ.replace("batch_size: 16", "batch_size: 8"))
    report = report_of(planned.run("--json"))
    assert report["replayed"]
    (warning,) = report["warnings"]
    assert "the spec changed since the plan was made" in warning


def test_a_fixed_batch_that_the_data_does_not_fill_is_refused(project: Project) -> None:
    project.spec(NPZ.replace("batch_size: 16", "batch_size: 24"))
    text = (project.folder / "net.yaml").read_text()
    project.write("net.yaml", text.replace("[batch, 8]", "[24, 8]"))
    done = project.run()
    assert (done.returncode, done.stdout) == (2, "")
    assert "(16, 8)" in done.stderr
    assert "last_batch: discard" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_with_nothing_to_convert_is_refused(project: Project) -> None:
    project.write(
        "net.py", NET.replace("nn.Linear(64, 4))", "nn.Linear(64, 4)).double()")
    )
    project.model.double()
    project.save()
    project.spec("")
    text = (project.folder / "net.yaml").read_text()
    project.write("net.yaml", text.replace("[batch, 8]", "[batch, 8], dtype: float64"))
    done = project.run()
    assert (done.returncode, done.stdout) == (2, "")
    assert "no op can be converted" in done.stderr
    assert "float64" in done.stderr


def test_a_changed_graph_does_not_take_the_plan(planned: Project) -> None:
    (planned.folder / "net.bf16.pt2").unlink()
    planned.write("net.py", NET.replace("nn.ReLU()", "nn.GELU()"))
    plan = planned.plan()
    done = planned.run()
    assert done.returncode == 2
    assert done.stdout == ""
    assert "net.plan.json was made for another graph" in done.stderr
    assert "1:relu:0" in done.stderr
    assert "Traceback" not in done.stderr
    assert planned.plan() == plan
    assert not (planned.folder / "net.bf16.pt2").exists()


def test_a_criterion_out_of_reach_delivers_the_best_trial(project: Project) -> None:
    project.spec(PYTHON, allowed="1.0e-12")
    done = project.run("--json", "--max-trials", "2")
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert report["trials"] == 2
    assert report["exit_code"] == 1
    assert not report["judgement"]["holds"]
    failed = project.folder / "net.plan.failed.json"
    assert json.loads(failed.read_text())["judgement"]["holds"] is False
    found = project.predict(torch.randn(5, 8), "failed/net.bf16.pt2")
    assert found.shape == (5, 4)
    trials = [line for line in done.stderr.splitlines() if " fails" in line]
    assert len(trials) == 2


STOPPING = """

class Waves(nn.Module):
    # Positions held as floats: several ops that must be fp32, found one by one, since
    # the first batch, which the range pass sees, has small ones.
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(8, 64), nn.Linear(64, 4)

    def forward(self, x):
        y = self.two(self.one(x).relu())
        return y + torch.sin(x[:, :4] * 3000) + torch.sin(x[:, 4:] * 1700)


def build():
    return Waves()


class Largest(Largest):
    evaluations, failed, passed = 0, False, False

    def reset(self):
        super().reset()
        Largest.evaluations += 1
        if Largest.passed or os.environ["STOP"] == str(Largest.evaluations):
            Path("stopped").touch()
            time.sleep(60)

    def result(self):
        Largest.passed = Largest.failed and self.worst < 0.2
        Largest.failed = Largest.failed or self.worst > 0.2
        return super().result()
"""


@pytest.fixture
def stopping(tmp_path: Path, python: Any) -> Project:
    """A project whose metric waits for a signal when the variable STOP says."""
    project = Project(tmp_path, python)
    project.write("net.py", NET + STOPPING)
    namespace: dict[str, Any] = {}
    exec(
        NET + STOPPING.replace("class Largest(Largest)", "class Other(Largest)"),
        namespace,
    )
    project.model = namespace["build"]()
    project.save()
    x = np.load(tmp_path / "rows.npz")["x"]
    x[:16] *= 2e-3
    with torch.no_grad():
        y = project.model(torch.from_numpy(x))
    np.savez(tmp_path / "rows.npz", x=x, y=y.numpy())
    project.spec(PYTHON, allowed=0.04)
    return project


def ctrl_c(process: int) -> None:
    os.killpg(process, signal.SIGINT)


def terminate(process: int) -> None:
    os.kill(process, signal.SIGTERM)


def interrupted(project: Project, stop: str, interrupt: Any) -> tuple[int, str]:
    """Exit code and what was said when the signal comes while the metric waits."""
    process = subprocess.Popen(
        [sys.executable, "-m", "narrowcast", "run", "net.yaml"],
        cwd=project.folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "FORCE_BF16": "1", "STOP": stop},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        while not (project.folder / "stopped").exists():
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.05)
        interrupt(process.pid)
        said, _ = process.communicate(timeout=100)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, said


@pytest.mark.parametrize("interrupt", [ctrl_c, terminate])
def test_an_interrupt_before_a_trial_passed_leaves_nothing(
    stopping: Project, interrupt: Any
) -> None:
    code, said = interrupted(stopping, "2", interrupt)
    assert code == 130, said
    assert "interrupted before the conversion was done" in said
    assert "Traceback" not in said
    assert not (stopping.folder / "net.plan.json").exists()
    assert not (stopping.folder / "net.bf16.pt2").exists()


def test_an_interrupt_keeps_the_trial_that_passed(stopping: Project) -> None:
    code, said = interrupted(stopping, "after passing", ctrl_c)
    assert code == 130, said
    assert "interrupted" in said
    assert "criterion holds" in said
    assert "Traceback" not in said
    plan = stopping.plan()
    assert plan["judgement"]["holds"]
    assert {reason["why"] for reason in plan["fp32"].values()} >= {"accuracy"}
    assert 0 < plan["graph"]["flops_low"] < plan["graph"]["flops"]
    assert stopping.predict(torch.randn(5, 8)).shape == (5, 4)


def test_a_machine_without_bf16_is_refused_before_the_model_is_touched(
    tmp_path: Path,
    python: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The script itself, told that this CPU has no 16-bit arithmetic."""
    project = Project(tmp_path, python, module="net_of_old_machine")
    project.spec(NPZ)
    done = python("-m", "narrowcast", "generate", "net.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    old = replace(read_cpu(), flags=frozenset({"avx2", "asimd"}), unknown=frozenset())
    monkeypatch.setattr(requirements, "read_cpu", lambda: old)
    monkeypatch.delenv("FORCE_BF16", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    script = importlib.import_module("convert_net")
    before = sorted(path.name for path in tmp_path.iterdir())
    code = command_line(script.__file__, script.NAME, script.convert, [])
    said = capsys.readouterr()
    assert code == 3
    assert said.out == ""
    assert "bf16 is not possible here" in said.err
    assert "FORCE_BF16=1" in said.err
    assert "net_of_old_machine" not in sys.modules
    assert sorted(path.name for path in tmp_path.iterdir()) == before
