"""The Python API on PyTorch models: Neural Compressor's snippets and behaviours."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from project import Project
from snippets import SNIPPETS, lacking, run_snippet, write_conf, write_data
from torch.utils.data import DataLoader, TensorDataset

from narrowcast import MixedPrecision, common
from narrowcast.runtime.hardware import requirements

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


MODELS = {"no_yaml": "'./model.pt2'", "with_yaml": "model", "own_classes": "model"}


@pytest.mark.few(1)
@pytest.mark.parametrize("name", SNIPPETS)
def test_the_snippets_run_unchanged(project: Project, name: str) -> None:
    model = MODELS[name]
    preamble = MODULE if model == "model" else ""
    saved = run_snippet(project, name, model, f"out/{name}.pt2", preamble)
    program = torch.export.load(saved)
    assert torch.bfloat16 in {each.dtype for each in program.state_dict.values()}


@pytest.fixture
def here(project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder, on a machine that lacks bf16: nothing is timed there."""
    monkeypatch.chdir(project.folder)
    monkeypatch.setattr(requirements, "read_cpu", lacking)
    for low in ("BF16", "FP16"):
        monkeypatch.setenv(f"FORCE_{low}", "1")
    return project.folder


class Right:
    """A metric that has torch's tensors, as it had in Neural Compressor."""

    def __init__(self) -> None:
        self.reset()

    def update(self, predictions: torch.Tensor, labels: torch.Tensor) -> None:
        self.hits = torch.cat([self.hits, (predictions.argmax(-1) == labels).float()])

    def reset(self) -> None:
        self.hits = torch.zeros(0)

    def result(self) -> Any:
        return self.hits.mean()


def tensors() -> tuple[torch.Tensor, torch.Tensor]:
    with np.load("data.npz") as archive:
        return torch.from_numpy(archive["x"]), torch.from_numpy(archive["y"])


def converter(conf: Any = None, **given: Any) -> MixedPrecision:
    made = MixedPrecision(conf)
    made.model = network()
    made.eval_dataloader = DataLoader(TensorDataset(*tensors()), batch_size=16)
    for name, value in given.items():
        setattr(made, name, value)
    return made


def low(model: Any) -> set[str]:
    """Modules whose weights are in 16 bits, of a model as converted."""
    state = model.state_dict().items()
    found = {name.split(".")[0] for name, w in state if w.dtype != torch.float32}
    return {name for name in found if name}


def pinned(pattern: str, kind: str = "op_wise") -> dict[str, Any]:
    demand = {"weight": {"dtype": ["fp32"]}}
    return {"quantization": {kind: {pattern: demand}}}


@pytest.mark.usefixtures("here")
def test_a_linear_layer_is_converted_and_so_is_a_convolution() -> None:
    """12. `fc` of a network, whose convolution theirs left in fp32."""
    loose = {"tuning": {"accuracy_criterion": {"relative": 0.2}}}
    result = converter(loose, metric=Right())()
    assert result
    assert result.report.judgement is not None
    assert result.report.judgement.baseline.value == 1.0
    assert result.report.ops_low == result.report.ops
    assert isinstance(result.model, torch.nn.Module)
    with torch.no_grad():
        images, _labels = tensors()
        assert result.model(images).shape == (48, 4)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("pattern", "kind"), [("fc", "op_wise"), ("linear", "optype_wise")]
)
def test_a_pin_keeps_a_layer_in_fp32(pattern: str, kind: str) -> None:
    """21. op_name_dict `{fc: fp32}` and op_type_dict `{Linear: fp32}`."""
    result = converter(pinned(pattern, kind))()
    (fc,) = (name for name in result.plan["ops"] if name.startswith("fc"))
    assert fc in result.report.fp32
    assert result.report.ops_low == result.report.ops - 1


@pytest.mark.usefixtures("here")
def test_several_precisions_are_tried() -> None:
    """24. Three dtypes, and scores of 0.9, 0.99 and 1: a model is returned."""
    scores: Iterator[float] = iter([1.0, 0.9, 0.99] + [1.0] * 100)
    result = converter(
        precisions=["bf16", "fp16", "fp32"], eval_func=lambda model: next(scores)
    )()
    assert result
    assert isinstance(result.model, torch.nn.Module)


@pytest.mark.usefixtures("here")
def test_the_first_configuration_that_holds_is_kept() -> None:
    """25. Two configurations with layers in fp32: the second is chosen."""

    def evaluate(model: torch.nn.Module) -> float:
        kept = {n for n, w in model.state_dict().items() if w.dtype == torch.float32}
        return 1.0 if any("fc" in name for name in kept) else 0.5

    one = {"tuning": {"exit_policy": {"max_trials": 1}}}
    results = []
    for conf in (pinned("conv"), pinned("fc")):
        results.append(converter({**conf, **one}, eval_func=evaluate)())
        if results[-1]:
            break
    assert [bool(each) for each in results] == [False, True]
    assert any(name.startswith("fc") for name in results[-1].report.fp32)


class Tokens(torch.nn.Module):
    """A model that is called with named tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = torch.nn.Embedding(11, 8), torch.nn.Linear(8, 3)

    def forward(self, input_ids: Any, attention_mask: Any = None) -> Any:
        mask = attention_mask.unsqueeze(-1).float()
        return self.head((self.table(input_ids) * mask).sum(1))


@pytest.mark.usefixtures("here")
def test_batches_may_name_the_arguments() -> None:
    """In another order than forward() has them."""
    torch.manual_seed(0)
    ids = torch.randint(0, 11, (6, 5))
    model, mask = Tokens().eval(), torch.ones(6, 5, dtype=torch.int64)
    labels = model(ids, mask).argmax(-1)
    batch = {"attention_mask": mask, "input_ids": ids}
    made = MixedPrecision()
    made.model, made.metric = model, common.Metric(Right)
    made.eval_dataloader = [(batch, labels), (batch, labels)]
    result = made()
    assert result.report.judgement is not None
    assert result.report.judgement.baseline.value == 1.0


OWN = """
import torch
from torch import nn

@torch.library.custom_op("own_scaled::scaled", mutates_args=())
def scaled(x: torch.Tensor, how: str) -> torch.Tensor:
    return x * 0.5

@scaled.register_fake
def _(x, how):
    return torch.empty_like(x)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(192, 4)

    def forward(self, x):
        return scaled(self.fc(x.flatten(1)), "half")
"""


def test_a_model_with_an_operator_of_its_own_is_opened_again(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "own_scaled.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(here))
    model = import_module("own_scaled").Net().eval()
    result = converter(model=model)()
    images, _labels = tensors()
    with torch.no_grad():
        found, expected = result.model(images), model(images)
    assert (found - expected).norm() < 0.02 * expected.norm()
