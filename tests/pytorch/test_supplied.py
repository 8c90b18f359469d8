"""Models that are supplied: what is opened, what is refused, and what stays as it is."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.evaluation.saved import asked
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.pytorch import (
    load_saved,
    native,
    open_native,
    open_supplied,
    trace,
)
from narrowcast.runtime.graph.graph import Precision

BATCH = Input("x", ("batch", 4), "float32")

MODULE = """
import torch

class Net(torch.nn.Sequential):
    pass

def factory():
    return Net(torch.nn.Linear(4, 3), torch.nn.Dropout())

def takes(size):
    return factory()

def fails():
    raise KeyError("no weights")

ready = factory().eval()
class Zoo:
    small = staticmethod(factory)
number = 7
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "supplied_net.py").write_text(MODULE)
    (tmp_path / "supplied_broken.py").write_text("import no_such_module_at_all")
    monkeypatch.syspath_prepend(str(tmp_path))


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout())


def exported(tmp_path: Path, model: nn.Module | None = None) -> Path:
    sizes = {0: torch.export.Dim("batch")}
    program = torch.export.export(
        model or net().eval(), (torch.ones(2, 4),), dynamic_shapes=(sizes,)
    )
    torch.export.save(program, tmp_path / "net.pt2")
    return tmp_path / "net.pt2"


@pytest.mark.parametrize(
    "source", ["supplied_net:factory", "supplied_net:ready", "supplied_net:Zoo.small"]
)
def test_a_name_is_a_module_or_what_makes_one(source: str) -> None:
    model = open_supplied(source)
    assert type(model).__name__ == "Net"
    assert not model.training
    assert not model[1].training  # type: ignore[index]


def test_a_module_that_is_ready_is_taken_as_it_is() -> None:
    model = net().eval()
    assert open_supplied(model) is model
    assert native(model) is model


def test_a_module_in_training_mode_stays_so() -> None:
    model = net()
    model[1].eval()
    found = open_supplied(model)
    assert [each.training for each in model.modules()] == [True, True, False, True]
    assert not any(each.training for each in found.modules())
    assert found is not model
    weights = zip(model.parameters(), found.parameters(), strict=True)
    assert all(mine is theirs for mine, theirs in weights)  # no memory is taken


def test_a_module_elsewhere_is_copied_there() -> None:
    model = net()
    found = open_supplied(model, device="meta")
    assert {each.device.type for each in found.state_dict().values()} == {"meta"}
    assert {each.device.type for each in model.state_dict().values()} == {"cpu"}
    assert model.training
    assert not found.training
    assert all(isinstance(each, nn.Parameter) for each in found.parameters())


def test_tied_weights_are_tied_elsewhere() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)).eval()
    model[1].weight = model[0].weight
    found: Any = open_supplied(model, device="meta")
    assert found[1].weight is found[0].weight


class NoCopy(nn.Linear):
    def __deepcopy__(self, memo: object) -> Any:
        raise RuntimeError("I hold a socket")


def test_what_can_not_be_copied_is_said_to() -> None:
    with pytest.raises(ModelError, match="training mode") as caught:
        open_supplied(NoCopy(2, 2))
    assert caught.value.remedy == "Call .eval() on it."
    with pytest.raises(ModelError, match="RuntimeError: I hold a socket") as caught:
        open_supplied(NoCopy(2, 2).eval(), device="meta")
    assert caught.value.remedy == "Call .to('meta') on it."


def test_what_wraps_a_module_is_taken_off() -> None:
    model = net().eval()
    assert open_supplied(nn.DataParallel(model).eval()) is model


@pytest.mark.parametrize("as_text", [False, True])
def test_a_file_is_opened(tmp_path: Path, as_text: bool) -> None:
    path = exported(tmp_path)
    batch = torch.randn(5, 4)
    for inputs in [(), (BATCH,)]:
        model = open_supplied(str(path) if as_text else path, inputs)
        torch.testing.assert_close(model(batch), net().eval()(batch))


def test_a_file_is_held_against_the_inputs(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"the model net.pt2 takes `x` with dimension 1"
    ):
        open_supplied(exported(tmp_path), [Input("x", ("batch", 5), "float32")])


def test_a_file_is_checked_unless_it_is_trusted(tmp_path: Path) -> None:
    path = tmp_path / "net.pt2"
    torch.save(net(), path)
    with pytest.raises(ModelError, match=r"the model net.pt2 "):
        open_supplied(path)


def test_a_program_is_taken_and_stays_as_it_is() -> None:
    program = torch.export.export(net().eval(), (torch.ones(2, 4),))
    before = copy.deepcopy(program.state_dict)
    model = open_supplied(program)
    torch.testing.assert_close(model(torch.ones(2, 4)), net().eval()(torch.ones(2, 4)))
    assert native(program)(torch.ones(2, 4)).shape == (2, 3)
    elsewhere = open_supplied(program, device="meta")
    assert {each.device.type for each in elsewhere.state_dict().values()} == {"meta"}
    assert all(torch.equal(before[k], v) for k, v in program.state_dict.items())


def test_a_program_of_training_is_refused() -> None:
    program = torch.export.export(net().train(), (torch.ones(2, 4),))
    with pytest.raises(ModelError, match="exported in training mode"):
        open_supplied(program)


def saved(kind: str, folder: Path) -> Path:
    path = folder / f"net{kind}"
    torch.save(net().state_dict(), path)
    return path


@pytest.mark.parametrize("kind", [".pt", ".pth", ".bin", ".safetensors"])
def test_weights_alone_are_no_model(kind: str, tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match="is no exported program: weights, a pickled"
    ) as e:
        open_supplied(saved(kind, tmp_path))
    assert "package.module:factory" in e.value.remedy


@pytest.mark.parametrize(
    ("source", "said", "remedy"),
    [
        ("net.onnx", "`net.onnx` is not a kind of model", "package.module:factory"),
        ("missing.pt2", "the model missing.pt2 does not exist", "where the script"),
        (
            "supplied_none:factory",
            "can't be imported: ModuleNotFoundError: No module named 'supplied_none'",
            "Modules are looked for beside the script",
        ),
        ("supplied_broken:factory", "can't be imported at supplied_broken.py:1", ""),
        ("supplied_net:factori", "supplied_net has no `factori`", "`factory`"),
        ("supplied_net:number", "the model is int, not a torch.nn.Module", "factory"),
        ("supplied_net:takes", "supplied_net:takes() failed", "without arguments"),
        ("supplied_net:fails", "failed at supplied_net.py:14: KeyError", "return a"),
        (torch.jit.script(nn.ReLU()), "TorchScript", "nn.Module that it was made from"),
        (nn.Linear(2, 2).state_dict(), "the model is a state dict", "load_state_dict"),
        (nn.Linear, "the model is the class Linear", "module itself"),
        (7, "the model is int", "factory"),
    ],
)
def test_what_is_no_model_says_what_to_do(source: Any, said: str, remedy: str) -> None:
    with pytest.raises(ModelError) as caught:
        open_supplied(source)
    assert said in caught.value.message
    assert remedy in caught.value.remedy


def test_a_saved_model_is_opened_natively(tmp_path: Path) -> None:
    model, batch = net().eval(), (torch.randn(3, 4),)
    program = trace(model, batch, low=Precision.BF16, inputs=[BATCH])
    low = dict.fromkeys((op.id for op in program.graph.ops), Precision.FP32)
    converted = program.apply(low)
    path = program.save(converted, tmp_path / "net.bf16.pt2")
    found = open_native(path)
    assert isinstance(found, nn.Module)
    for each in (found, native(converted)):
        torch.testing.assert_close(each(*batch), model(*batch))
    path.write_bytes(b"no archive")
    with pytest.raises(ModelError, match="is not a zip archive"):
        open_native(path)


def test_a_fresh_process_is_handed_a_batch_and_not_all_data(tmp_path: Path) -> None:
    """PyTorch pickles all that a tensor is a view of: here a gigabyte."""
    everything = torch.zeros(1 << 26, 4)
    with asked(load_saved, exported(tmp_path)) as predict:
        for batch in (everything[:2], torch.ones(3, 4)):
            (found,) = predict((batch,))
            np.testing.assert_allclose(found, net().eval()(batch).detach(), rtol=1e-5)
