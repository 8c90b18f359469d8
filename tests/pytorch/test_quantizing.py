"""Models quantized by the adapter: what runs, what is written, what it is off by."""

from __future__ import annotations

import io
import re
import runpy
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import end_to_end
import numpy as np
import one_model
import pytest
import torch
from torch import nn

from narrowcast.runtime.common.errors import (
    DataError,
    MissingPackageError,
    PlanError,
)
from narrowcast.runtime.common.telling.progress import Terminal
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import Evaluation, Watch
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.pytorch.compiled_program import InductorProgram
from narrowcast.runtime.frameworks.quantizing.protocol import Quantizable
from narrowcast.runtime.frameworks.quantizing.quantization import (
    Integers,
    Quantization,
    Scale,
    Sides,
)
from narrowcast.runtime.graph.graph import Kernel, Placement, Precision, casts
from narrowcast.runtime.graph.pins import Pins
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search import Budget, everything_low, search

BF16, FP32, INT8 = Precision.BF16, Precision.FP32, Precision.INT8
HOW = Quantization()


class Net(nn.Module):
    """Convolutions, one in groups and one for each channel; products, a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32)
        self.grouped = nn.Conv2d(32, 32, 3, padding=1, groups=4)
        self.depth = nn.Conv2d(32, 32, 3, padding="same", groups=32, bias=False)
        self.head = nn.Linear(32, 64)
        self.last = nn.Parameter(torch.randn(64, 10))

    def forward(self, image: torch.Tensor, added: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.stem(image)))
        x = self.depth(torch.relu(self.grouped(x)))
        x = self.head(x.mean((2, 3))) + added
        return torch.tanh(x) @ self.last


OPS = [
    "stem:conv2d:0",
    "grouped:conv2d:0",
    "depth:conv2d:0",
    "head:linear:0",
    ":matmul:0",
]


def compiled(tools: Any, model: nn.Module, *batch: torch.Tensor) -> InductorProgram:
    return pytorch.under_inductor(tools.trace(model, *batch))


def int8_ops(program: InductorProgram) -> list[str]:
    return [op.id for op in program.graph.ops if op.kernel(INT8)]


def all_int8(program: InductorProgram, low: Precision = BF16) -> Placement:
    """Int8 wherever it can be, and `low` for the rest."""
    return {
        op.id: next((p for p in (INT8, low) if op.kernel(p)), FP32)
        for op in program.graph.ops
    }


def kernels(package: Path) -> Counter[str]:
    """What the machine code calls, by the source in the package."""
    with zipfile.ZipFile(package) as archive:
        sources = [name for name in archive.namelist() if name.endswith(".cpp")]
        text = "".join(archive.read(name).decode() for name in sources)
    return Counter(re.findall(r"aoti_torch_cpu__(q(?:conv|linear))\w+\(", text))


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.manual_seed(0)
    return Net().eval()


@pytest.fixture(scope="module")
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.randn(4, 3, 12, 12), torch.randn(4, 64)


@pytest.fixture(scope="module")
def traced(tools: Any, net: nn.Module, batch: Any) -> InductorProgram:
    return compiled(tools, net, *batch)


@pytest.fixture(scope="module")
def program(traced: InductorProgram, batch: Any) -> InductorProgram:
    return traced.calibrated([batch], HOW)


@pytest.fixture(scope="module")
def saved(program: InductorProgram, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("net") / "net.pt2"
    return program.save(program.apply(all_int8(program)), path)


def test_all_contractions_are_int8_and_the_rest_is_bf16(
    program: InductorProgram,
) -> None:
    assert isinstance(program, Quantizable)
    assert int8_ops(program) == OPS and not program.int8_refusals
    assert all(0 < each.error < 0.02 for each in program.int8_probes.values())
    (plan,) = everything_low(program, low=BF16, objective=low_compute, pins=Pins())
    graph, placement = program.graph, plan.placement
    assert {op for op, p in placement.items() if p is INT8} == set(OPS)
    contracting = sum(graph.by_id[name].flops for name in OPS)
    assert graph.flops_int8(placement) == contracting > 0.9 * graph.flops
    assert graph.flops_in(placement, BF16) == graph.flops - contracting
    assert graph.by_id["stem:conv2d:0"].kernel(INT8) == Kernel(INT8, BF16)
    # No output of an int8 kernel is cast, in which precision others ever are.
    made = {name for op in OPS for name in graph.by_id[op].outputs}
    outputs = set(graph.outputs)
    wide = {c.tensor for c in casts(graph, placement) if c.target is not INT8}
    assert not (made - outputs) & wide


def test_eager_models_are_not_quantized(tools: Any, net: nn.Module, batch: Any) -> None:
    assert not isinstance(tools.trace(net, *batch), Quantizable)


FRESH = """
import sys
sys.modules["torchao"] = None
from pathlib import Path
import numpy as np
import torch
from narrowcast.runtime.frameworks import pytorch

package, saved, inputs, found = map(Path, sys.argv[1:])
held = np.load(inputs)
batch = tuple(torch.from_numpy(held[name]) for name in ("image", "added"))
before = batch[1].clone()
predict = pytorch.load_compiled(package)
first, second = (predict(batch)[0].copy() for _ in range(2))
assert np.array_equal(first, second)
assert torch.equal(batch[1], before)
import torch.ao.quantization.fx._decomposed
eager = torch.export.load(saved).module()(*batch).detach().numpy()
np.savez(found, package=first, eager=eager, ours=pytorch.load_saved(saved)(batch)[0])
"""


def test_int8_kernels_run_in_a_fresh_process_without_torchao(
    tools: Any,
    python: Any,
    net: nn.Module,
    batch: Any,
    saved: Path,
    tmp_path: Path,
) -> None:
    package = pytorch.compile_saved(saved, tmp_path / "net.compiled.pt2")
    assert kernels(package) == {"qconv": 3, "qlinear": 2}
    inputs, found = tmp_path / "inputs.npz", tmp_path / "found.npz"
    np.savez(inputs, image=batch[0].numpy(), added=batch[1].numpy())
    verbose = {"ONEDNN_VERBOSE": "1"}
    done = python("-c", FRESH, package, saved, inputs, found, env=verbose)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if "src:u8" in line]
    executed = [line for line in said if ",exec," in line]
    assert len(executed) == 10  # of two calls
    # What products make is integers or bf16, never fp32.
    products = [line for line in executed if ",matmul," in line]
    assert len(products) == 4
    assert all(re.search("dst:(u8|bf16)", line) for line in products)
    with torch.no_grad():
        reference = net(*batch)
    for name, output in np.load(found).items():
        assert 0 < tools.error(reference, torch.from_numpy(output)) < 0.03, name


def test_weights_are_int8_alone(program: InductorProgram, saved: Path) -> None:
    def weights(path: Path) -> Counter[torch.dtype]:
        values = pytorch.open_pt2(path).state_dict.values()
        return Counter(value.dtype for value in values if value.dim() > 1)

    assert weights(saved) == {torch.int8: 5}
    placement = {**all_int8(program), "head:linear:0": FP32}
    path = program.save(program.apply(placement), saved.with_name("some.pt2"))
    assert weights(path) == {torch.int8: 4, torch.float32: 1}


def test_scales_give_the_same_bytes_without_batches(
    traced: InductorProgram,
    program: InductorProgram,
    saved: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torchao.quantization.pt2e.observer", None)
    again = traced.with_scales(dict(program.scales), HOW)
    assert again.scales == program.scales
    path = again.save(again.apply(all_int8(again)), tmp_path / "net.pt2")
    assert path.read_bytes() == saved.read_bytes()


def test_torchao_is_asked_for_where_it_is_missing(
    traced: InductorProgram, batch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torchao", None)
    for name in [name for name in sys.modules if name.startswith("torchao.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingPackageError, match="torchao") as missing:
        traced.calibrated([batch], HOW)
    assert "torchao" in missing.value.remedy


def test_the_error_is_that_of_the_model(
    tools: Any, program: InductorProgram, net: nn.Module, batch: Any
) -> None:
    placement = {op: INT8 if op in OPS else FP32 for op in program.graph.by_id}
    with torch.no_grad():
        found = tools.error(net(*batch), program.apply(placement)(*batch))
    assert program.error(INT8, OPS) == pytest.approx(found, rel=1e-3)
    assert program.error(INT8, []) == 0
    assert program.sketch(INT8, OPS) == {}
    assert program.sketch(BF16, OPS).keys() == set(OPS)
    assert program.error(BF16, OPS) > 0


def test_between_int8_ops_nothing_is_cast(program: InductorProgram) -> None:
    converted = program.apply(all_int8(program))
    copies = [n for n in converted.graph.nodes if "_to_copy" in str(n.target)]
    # What comes from outside, and what goes there.
    assert len(copies) == 2
    called = [str(n.target) for n in converted.graph.nodes if n.op == "call_function"]
    counts = Counter(name.split(".")[1] for name in called)
    assert counts["quantize_per_tensor"] == len(program.scales) == 5
    assert counts["dequantize_per_tensor"] == counts["dequantize_per_channel"] == 5


def test_scales_must_be_there(traced: InductorProgram) -> None:
    with pytest.raises(PlanError, match="no int8 scale of tensor"):
        traced.with_scales({}, HOW)
    placement = {**dict.fromkeys(traced.graph.by_id, FP32), "head:linear:0": INT8}
    with pytest.raises(PlanError, match="head:linear:0 is to be int8"):
        traced.apply(placement)


def test_what_the_spec_says_of_an_op_holds(traced: InductorProgram, batch: Any) -> None:
    own = Sides(Integers("int8", "sym", "", "kl"), Integers(granularity="per_tensor"))
    unsigned = Sides(weight=Integers("uint8", "asym"))
    channels = Sides(Integers(granularity="per_channel"))
    how = Quantization(
        by_op={OPS[0]: own, "head:linear:0": unsigned, ":matmul:0": channels}
    )
    found = traced.calibrated([batch], how)
    assert (found.scales["image"].zero_point, found.scales["image"].dtype) == (
        128,
        "uint8",
    )
    assert int8_ops(found) == OPS[:3]
    assert found.int8_refusals == {
        "head:linear:0": "the kernels take weights as int8 without a zero point",
        ":matmul:0": "no kernel takes activations with a scale for each channel",
    }
    held = found.apply(all_int8(found)).state_dict()
    assert len(set(held["stem.weight_scales"].tolist())) == 1
    assert len(set(held["grouped.weight_scales"].tolist())) == 32


class Layer(nn.Module):
    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize("size", [1.0, 0.0008, 1e-12, 0.0])
def test_small_weights_and_values_keep_their_levels(tools: Any, size: float) -> None:
    torch.manual_seed(0)
    model, x = Layer(nn.Linear(64, 32)), torch.randn(16, 64) * size
    with torch.no_grad():
        model.layers[0].weight.uniform_(-1, 1).mul_(size)
        model.layers[0].bias.mul_(size**2)
    program = compiled(tools, model, x).calibrated([(x,)], HOW)
    (name,) = int8_ops(program)
    assert program.int8_probes[name].error < 0.02
    values = program.apply(all_int8(program)).state_dict()["layers.0.weight_int8"]
    assert set(values.abs().amax(1).tolist()) == {127 if size else 0}


@pytest.mark.parametrize("algorithm", ["minmax", "kl"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_what_is_not_finite_has_no_part_in_a_range(
    tools: Any, algorithm: str, value: float
) -> None:
    torch.manual_seed(0)
    x = torch.randn(16, 64)
    traced = compiled(tools, Layer(nn.Linear(64, 32)), x)
    how = Quantization(sides=Sides(Integers(algorithm=algorithm)))
    spoilt = x.clone()
    spoilt[0] = value
    finite = traced.calibrated([(x,)], how).scales["x"]
    found = traced.calibrated([(spoilt,), (x,)], how).scales["x"]
    assert found.scale == pytest.approx(finite.scale, rel=0.2)
    constant = traced.calibrated([(torch.zeros_like(x),)], how)
    assert constant.scales["x"] == Scale(1.0, 0, "uint8")
    with pytest.raises(DataError, match="no batch"):
        traced.calibrated([], how)


def test_scales_may_come_as_the_model_runs(
    tools: Any, traced: InductorProgram, net: nn.Module, batch: Any
) -> None:
    how = Quantization(dynamic=True)
    program = traced.calibrated([], how)
    assert program.scales == {} and int8_ops(program) == OPS[3:]
    assert set(program.int8_refusals.values()) == {
        "inductor has no int8 convolution whose scales come as it runs"
    }
    placement = all_int8(program)
    converted = program.apply(placement)
    with torch.no_grad():
        assert 0 < tools.error(net(*batch), converted(*batch)) < 0.03
    again = traced.with_scales({}, how).apply(placement)
    assert str(again.graph) == str(converted.graph)


class Odd(nn.Module):
    """Contractions of which none has an int8 kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.up = nn.Conv3d(2, 4, 3), nn.ConvTranspose1d(4, 4, 2)
        self.inner = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.up(self.wide(x).flatten(2)).mean(-1)
        y = torch.cond(y.sum() > 0, lambda v: self.inner(v), lambda v: v * 2, (y,))
        return y @ y.t()  # type: ignore[no-any-return]


def test_ops_without_a_form_are_refused(tools: Any) -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 2, 5, 5, 5)
    program = compiled(tools, Odd(), x).calibrated([(x,)], HOW)
    assert not int8_ops(program)
    reasons = {name.split(":")[-2]: why for name, why in program.int8_refusals.items()}
    assert reasons == {
        "conv3d": "inductor has no int8 kernel for conv3d",
        "conv_transpose1d": "inductor has no int8 kernel for conv_transpose1d",
        "linear": "it is in a body, in which no ranges are taken",
        "matmul": "its weight is computed",
    }


def test_ops_are_timed(program: InductorProgram) -> None:
    found = program.time(INT8, set(OPS), time.perf_counter, 0.01)
    assert set(found.ops) == {(op, p) for op in OPS for p in (FP32, INT8)}
    assert not found.casts


class Planted(nn.Module):
    """A layer whose input has an outlier that it does not look at."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = (nn.Linear(64, 64) for _ in range(3))
        with torch.no_grad():
            self.first.weight[0] *= 2000
            self.second.weight[:, 0] = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.third(torch.relu(self.second(torch.relu(self.first(x)))))  # type: ignore[no-any-return]


def test_a_search_raises_what_int8_ruins(tools: Any) -> None:
    torch.manual_seed(0)
    model, x = Planted().eval(), torch.randn(32, 64)
    program = compiled(tools, model, x).calibrated([(x,)], HOW)
    with torch.no_grad():
        reference = model(x)

    def evaluate(placement: Placement, watch: Watch) -> Evaluation:
        with torch.no_grad():
            error = tools.error(reference, program.apply(placement)(x))
        return Evaluation("loss", error, 32, True)

    found = search(
        program,
        evaluate,
        low=BF16,
        objective=low_compute,
        pins=Pins(),
        criterion=Criterion(absolute=0.03, higher_is_better=False),
        baseline=Evaluation("loss", 0.0, 32, True),
        budget=Budget(),
        progress=Terminal(io.StringIO()),
        clock=lambda: 0.0,
    )
    plan, *_others = found
    assert plan.trials > 1
    layers = [f"{name}:linear:0" for name in ("first", "second", "third")]
    assert [plan.placement[name] for name in layers] == [INT8, BF16, INT8]


def test_dtypes_that_a_spec_allows_forbid_int8_alone(program: InductorProgram) -> None:
    pins = Pins(int8_names={"head": "quantization.op_wise.head"})
    (plan,) = everything_low(program, low=BF16, objective=low_compute, pins=pins)
    assert plan.placement["head:linear:0"] is BF16
    assert plan.placement[":matmul:0"] is INT8


@pytest.mark.nightly
def test_from_a_spec_to_a_package_and_again(tmp_path: Path) -> None:
    project = end_to_end.project_in(tmp_path)
    example = Path(__file__).resolve().parents[2] / "examples" / "mnist"
    model = runpy.run_path(str(example / "mnist_cnn.py"))["build"]().eval()
    weights = {k: torch.tensor(v) for k, v in one_model.weights().items()}
    model.load_state_dict(weights)
    images = torch.zeros(8, 1, 28, 28)
    sizes = ({0: torch.export.Dim("batch")},)
    exported = torch.export.export(model, (images,), dynamic_shapes=sizes)
    torch.export.save(exported, tmp_path / "net.pt2")
    spec = end_to_end.evaluation()
    spec["tuning"]["execution"] = "compile"
    named = {"name": "net", "framework": "pytorch", "path": "net.pt2"}
    project.write(model=named, mixed_precision={"precisions": ["int8", "bf16"]}, **spec)
    report = project.report()
    assert report["exit_code"] == 0 and report["judgement"]["holds"]
    # The first convolution's images have one channel.
    assert 0.9 < report["flops_int8"] / report["flops"] < 1
    assert report["flops_int8"] + report["flops_low"] == report["flops"]
    saved = project.hashes("net.int8.bf16.pt2")
    assert saved and project.plan["scales"]
    assert kernels(tmp_path / "net.int8.bf16.compiled.pt2") == {
        "qconv": 2,
        "qlinear": 2,
    }
    again = project.report()
    assert again["exit_code"] == 0
    assert project.hashes("net.int8.bf16.pt2") == saved
