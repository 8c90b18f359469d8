"""`execution: compile`: a package beside the `.pt2`, judged as it will be run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.export.pt2_archive._package import AOTICompiledModel

from narrowcast.runtime.common.errors import DataError, ModelError
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.pytorch.compiling.compiled import COMPILING
from narrowcast.runtime.graph.graph import Kind, Precision
from narrowcast.runtime.placement.costs import X86_BF16, StaticCosts, fused, moved_bytes

BF16 = Precision.BF16

NETS = """
from torch import nn


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.conv = nn.Conv2d(16, 16, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.head = nn.Linear(16, 10)

    def forward(self, image):
        x = self.stem(image).relu()
        x = (self.norm(self.conv(x)) + x).relu()
        return self.head(x.mean((2, 3)))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(256, 4, 2048, batch_first=True)
        self.head = nn.Linear(256, 16)

    def forward(self, tokens):
        hidden = self.layer(tokens)
        return {"hidden": hidden, "first": self.head(hidden[:, 0]).argmax(-1)}
"""

CNN = """
model:
  name: cnn
  framework: pytorch
  factory: nets:Residual
  inputs: [{name: image, shape: [batch, 1, 12, 12]}]
mixed_precision: {precisions: bf16}
evaluation:
  accuracy:
    metric: {MSE: {compare_label: true}}
    dataloader:
      batch_size: 16
      dataset: {npz: {path: data.npz, inputs: x, label: y}}
tuning: {execution: compile, accuracy_criterion: {absolute: 0.01}}
"""

ATTENTION = """
model:
  name: attention
  framework: pytorch
  factory: nets:Attention
  inputs: [{name: tokens, shape: [4, 12, 256]}]
mixed_precision: {precisions: bf16}
tuning: {execution: EXECUTION}
"""

PREDICT = """
import sys
from pathlib import Path
import numpy as np
import torch
from narrowcast.runtime.frameworks import pytorch

eager, compiled, batch, found = map(Path, sys.argv[1:])
inputs = torch.from_numpy(np.load(batch))
outputs = {}
for name, predict in (
    ("eager", pytorch.load_saved(eager)), ("compiled", pytorch.load_compiled(compiled))
):
    for k, output in enumerate(predict((inputs,))):
        outputs[f"{name}{k}"] = output
np.savez(found, **outputs)
"""


@dataclass(frozen=True)
class Project:
    """A folder in which a script ran under `execution: compile`.

    Attributes:
        scratch: What the runs took for the system's folder of temporary files.
    """

    name: str
    folder: Path
    scratch: Path
    python: Any
    done: subprocess.CompletedProcess[str]

    @property
    def report(self) -> dict[str, Any]:
        assert self.done.returncode == 0, self.done.stderr
        found: dict[str, Any] = json.loads(self.done.stdout)
        return found

    @property
    def plan(self) -> dict[str, Any]:
        text = (self.folder / f"{self.name}.plan.json").read_text()
        found: dict[str, Any] = json.loads(text)
        return found

    @property
    def package(self) -> Path:
        return self.folder / f"{self.name}.bf16.compiled.pt2"

    def outputs(self, batch: torch.Tensor) -> list[tuple[Any, Any]]:
        """What `.pt2` and package make of a batch in a fresh process, in pairs."""
        np.save(self.folder / "batch.npy", batch.numpy())
        files = [self.folder / f"{self.name}.bf16.pt2", self.package]
        files += [self.folder / "batch.npy", self.folder / "found.npz"]
        done = self.python("-c", PREDICT, *files)
        assert done.returncode == 0, done.stderr
        found = np.load(self.folder / "found.npz")
        count = len(found.files) // 2
        return [(found[f"eager{k}"], found[f"compiled{k}"]) for k in range(count)]


def ran(python: Any, folder: Path, spec: str, *options: str, **env: str) -> Any:
    (folder / "nets.py").write_text(NETS)
    (folder / "spec.yaml").write_text(spec)
    return python(
        "-m",
        "narrowcast",
        "run",
        "spec.yaml",
        "--json",
        *options,
        cwd=folder,
        env=env,
    )


@pytest.fixture(scope="module")
def cnn(python: Any, tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder, scratch = (tmp_path_factory.mktemp(each) for each in ("cnn", "scratch"))
    generator = np.random.default_rng(0)
    x = generator.standard_normal((40, 1, 12, 12)).astype("f")
    np.savez(folder / "data.npz", x=x, y=np.zeros((40, 10), "f"))
    done = ran(python, folder, CNN, TMPDIR=str(scratch))
    return Project("cnn", folder, scratch, python, done)


@pytest.fixture(scope="module")
def attention(python: Any, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The plan is an eager run's: what is compiled is a replay of it."""
    folder, scratch = (tmp_path_factory.mktemp(each) for each in ("att", "scratch"))
    first = ran(python, folder, ATTENTION.replace("EXECUTION", "eager"))
    assert first.returncode == 0, first.stderr
    done = ran(python, folder, ATTENTION.replace("EXECUTION", "compile"))
    return Project("attention", folder, scratch, python, done)


@pytest.fixture
def image() -> Iterator[torch.Tensor]:
    torch.manual_seed(0)
    yield torch.randn(16, 1, 12, 12)


def test_model_and_package_are_both_judged_and_delivered(cnn: Project) -> None:
    judged, package = cnn.report["judgement"], cnn.report["package"]
    assert package["path"] == "cnn.bf16.compiled.pt2"
    assert package["bytes"] == cnn.package.stat().st_size
    assert judged["holds"] and package["judgement"]["holds"]
    assert judged["baseline"] == package["judgement"]["baseline"]
    assert package["judgement"]["result"]["samples"] == 40
    assert not list(cnn.folder.glob("candidate-*"))


def test_the_plan_records_the_execution(cnn: Project) -> None:
    assert cnn.plan["execution"] == "compile"
    assert cnn.plan["package"]["file"] == "cnn.bf16.compiled.pt2"
    assert cnn.plan["package"]["judgement"]["holds"]
    assert cnn.plan["model"]["file"] == "cnn.bf16.pt2"


def test_compiling_leaves_nothing_behind(cnn: Project) -> None:
    assert cnn.report["exit_code"] == 0
    assert not list(cnn.scratch.iterdir())


def test_the_package_computes_what_the_model_computes(
    cnn: Project, image: torch.Tensor
) -> None:
    ((eager, compiled),) = cnn.outputs(image)
    assert (eager.dtype, eager.shape) == (compiled.dtype, compiled.shape)
    assert 0 < np.linalg.norm(compiled - eager) < 0.03 * np.linalg.norm(eager)


@pytest.mark.parametrize("size", [1, 3, 40])
def test_the_package_takes_any_batch_size(
    cnn: Project, image: torch.Tensor, size: int
) -> None:
    """Weights are packed for the traced size, and reordered where another needs it."""
    predict = pytorch.load_compiled(cnn.package)
    many = torch.cat([image, image, image])[:size]
    (whole,), (part,) = predict((image,)), predict((many,))
    assert part.shape == (size, 10)
    rows = min(size, 16)
    np.testing.assert_allclose(part[:rows], whole[:rows], rtol=0.05, atol=0.02)


class Ticks:
    """A clock on which every call takes a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_under_inductor_contractions_are_timed_and_the_rest_is_fused(
    tools: Any,
) -> None:
    net = torch.nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    plain = tools.trace(net, torch.randn(2, 4, 16))
    program = pytorch.under_inductor(plain)
    timed = program.time(BF16, set(program.graph.by_id), Ticks(), 0.0)
    kinds = {program.graph.by_id[name].kind for name, _precision in timed.ops}
    assert kinds == {Kind.COMPUTE}
    assert not timed.casts
    costs = StaticCosts(program.graph, fused(X86_BF16))
    for op in program.graph.ops:
        if op.kind is Kind.POINTWISE:
            moved = moved_bytes(program.graph, op, BF16)
            assert costs.op(op, BF16) == moved / X86_BF16.bandwidth


def test_whole_models_are_timed_as_compiled_packages(
    tools: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = pytorch.under_inductor(
        tools.trace(torch.nn.Linear(4, 4), torch.randn(2, 4))
    )
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = program.time_whole({"low": tools.all_low(program)}, Ticks())
    assert found["low"].median == 1.0
    assert not list(tmp_path.iterdir())


def test_under_inductor_only_attention_has_other_forms(tools: Any) -> None:
    """Activations and additions are inductor's to fuse."""
    net = torch.nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    plain = tools.trace(net, torch.randn(2, 4, 16))
    names = {form.name for form in pytorch.under_inductor(plain)._sites}
    assert names == {"bmm+softmax+bmm"} < {form.name for form in plain._sites}


def test_a_replay_compiles_and_keeps_types_and_order(attention: Project) -> None:
    assert attention.report["replayed"]
    assert attention.plan["execution"] == "eager"
    assert attention.report["package"]["drift"] < 0.03
    torch.manual_seed(0)
    hidden, first = attention.outputs(torch.randn(4, 12, 256))
    assert np.linalg.norm(hidden[1] - hidden[0]) < 0.03 * np.linalg.norm(hidden[0])
    assert [each.dtype for each in first] == [np.int64] * 2
    assert first[1].shape == (4,)


def test_a_package_is_called_as_the_model_is(attention: Project) -> None:
    loader = torch._C._aoti.AOTIModelPackageLoader(
        str(attention.package), "model", False, 1, -1
    )
    found = AOTICompiledModel(loader)(torch.zeros(4, 12, 256))
    assert {key: value.shape for key, value in found.items()} == {
        "hidden": (4, 12, 256),
        "first": (4,),
    }


def test_weights_are_held_in_16_bits(attention: Project) -> None:
    assert attention.report["package"]["bytes"] < 0.7 * attention.report["fp32_bytes"]


def test_other_sizes_than_compiled_for_are_refused(
    cnn: Project, attention: Project, image: torch.Tensor
) -> None:
    """The machine code checks nothing: it would read past the end."""
    predict = pytorch.load_compiled(cnn.package)
    for wrong in (image[..., :-1], image.double(), image[0], image[:0]):
        with pytest.raises(DataError, match="was compiled for float32"):
            predict((wrong,))
    with pytest.raises(DataError, match="2 inputs, the package takes 1"):
        predict((image, image))
    fixed = pytorch.load_compiled(attention.package)
    with pytest.raises(DataError, match=r"compiled for float32 \(4, 12, 256\)"):
        fixed((torch.zeros(3, 12, 256),))


def test_another_memory_layout_is_no_other_input(
    cnn: Project, image: torch.Tensor
) -> None:
    predict = pytorch.load_compiled(cnn.package)
    turned = image.transpose(2, 3).contiguous().transpose(2, 3)
    assert turned.stride() != image.stride()
    np.testing.assert_array_equal(predict((turned,))[0], predict((image,))[0])


def test_a_cpu_that_lacks_what_was_compiled_for_is_refused(
    cnn: Project, tmp_path: Path
) -> None:
    other = tmp_path / "other.pt2"
    with zipfile.ZipFile(cnn.package) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("metadata.json"):
                data = data.replace(rb"\"flags\": [", rb"\"flags\": [\"avx9\", ")
            new.writestr(name, data)
    with pytest.raises(ModelError, match="this CPU lacks avx9"):
        pytorch.load_compiled(other)


def test_only_our_packages_are_loaded(cnn: Project, tmp_path: Path) -> None:
    shutil.copy(cnn.folder / "cnn.bf16.pt2", tmp_path / "eager.pt2")
    with pytest.raises(ModelError, match="no package that narrowcast compiled"):
        pytorch.load_compiled(tmp_path / "eager.pt2")
    with pytest.raises(ModelError, match="does not exist"):
        pytorch.load_compiled(tmp_path / "none.pt2")


def test_without_a_compiler_nothing_is_touched(python: Any, tmp_path: Path) -> None:
    spec = CNN.replace("nets:Residual", "absent:Model")
    done = ran(python, tmp_path, spec, CXX="no-such-compiler")
    assert done.returncode == 3
    assert "no-such-compiler is not found" in done.stderr
    assert "tuning.execution: eager" in done.stderr
    assert not list(tmp_path.glob("*.pt2"))


def test_a_compiler_that_is_killed_is_told_as_a_compiler() -> None:
    with pytest.raises(ModelError, match="that compiled the package died") as caught:
        COMPILING.call(os.abort)
    assert "execution: eager" in caught.value.remedy


def test_a_compiler_that_fails_is_said_and_leaves_no_model(
    cnn: Project, tmp_path: Path
) -> None:
    broken = tmp_path / "c++"
    broken.write_text("#!/bin/sh\necho error: out of luck >&2\nexit 1\n")
    broken.chmod(0o755)
    call = (
        "from pathlib import Path\n"
        "from narrowcast.runtime.frameworks import pytorch\n"
        "if __name__ == '__main__':\n"
        f"    pytorch.compile_saved(Path({str(cnn.folder / 'cnn.bf16.pt2')!r}), "
        f"Path({str(tmp_path / 'x.pt2')!r}))\n"
    )
    (tmp_path / "call.py").write_text(call)
    done = cnn.python(tmp_path / "call.py", env={"CXX": str(broken)})
    assert "ModelError: cnn.bf16.pt2 can't be compiled" in done.stderr
    assert not (tmp_path / "x.pt2").exists()


class Grouped(nn.Module):
    """A grouped convolution that is added to what it takes, and a ReLU."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(8, 8, 3, padding=1)
        self.grouped = nn.Conv2d(8, 8, 3, padding=1, groups=groups)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.first(x))
        return torch.relu(x + self.grouped(x))


@pytest.mark.nightly
@pytest.mark.parametrize("groups", [2, 8])
def test_a_relu_behind_a_grouped_convolutions_sum_is_computed(
    groups: int, tmp_path: Path, tools: Any
) -> None:
    """ATen has the sum and the ReLU at once in fp32 alone, and fails in bf16."""
    torch.manual_seed(0)
    model, batch = Grouped(groups).eval(), torch.randn(4, 8, 12, 12)
    inputs = [Input("x", tuple(batch.shape), "float32")]
    program = pytorch.under_inductor(
        pytorch.trace(model, (batch,), low=BF16, inputs=inputs)
    )
    placement = tools.all_low(program)
    assert program.graph.flops_in(placement, BF16) == program.graph.flops
    saved = program.save(program.apply(placement), tmp_path / "grouped.pt2")
    package = pytorch.compile_saved(saved, tmp_path / "grouped.compiled.pt2")
    made = pytorch.load_compiled(package)((batch,))
    with torch.no_grad():
        assert tools.error([model(batch)], list(map(torch.as_tensor, made))) < 0.02
