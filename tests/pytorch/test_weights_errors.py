"""Weights and factories that don't fit: one message with place and remedy, exit 2."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from narrowcast.runtime.evaluation.loading import loaded
from narrowcast.runtime.frameworks import pytorch

Script = Callable[[str], tuple[int, str]]
State = dict[str, torch.Tensor]

NET = """
import torch
from torch import nn


def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def none():
    pass


def needs(classes):
    return nn.Linear(4, classes)


def raises():
    raise ValueError("no such variant")


def a_class():
    return nn.Linear


def a_dict():
    return {"net": build()}
"""

SPEC = """
model:
  name: net
  framework: pytorch
  factory: {factory}
  {weights}
  inputs: [{{name: x, shape: [batch, 4]}}]
mixed_precision: {{precisions: bf16}}
"""


def model() -> nn.Module:
    namespace: dict[str, Any] = {}
    exec(NET, namespace)
    found: nn.Module = namespace["build"]()
    return found


@pytest.fixture
def run(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Runs the generated script, which must fail and write nothing; its message."""

    def called(
        weights: str = "", factory: str = "net:build", trust: bool = False
    ) -> str:
        module = tmp_path.name.replace(
            "-", "_"
        )  # each test imports a module of its own
        (tmp_path / f"{module}.py").write_text(NET)
        lines = [f"weights: {weights}"] * bool(weights) + ["trust: true"] * trust
        text = SPEC.format(
            factory=factory.replace("net:", f"{module}:"), weights="\n  ".join(lines)
        )
        before = {each.name for each in tmp_path.iterdir()}
        code, err = script(text)
        assert code == 2, err
        assert "Traceback" not in err
        made = {each.name for each in tmp_path.iterdir()} - before
        assert made - {"ran"} <= {"convert_net.py", "__pycache__"}
        return " ".join(err.split())

    return called


def renamed(change: Callable[[str], str]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        torch.save({change(k): v for k, v in model().state_dict().items()}, path)

    return write


def stored(value: Callable[[State], Any]) -> Callable[[Path], None]:
    return lambda path: torch.save(value(dict(model().state_dict())), path)


def scripted(path: Path) -> None:
    torch.jit.save(torch.jit.trace(model(), torch.ones(2, 4)), path)


def exported(path: Path) -> None:
    program = torch.export.export(model(), (torch.ones(2, 4),))
    with path.open("wb") as file:
        torch.export.save(program, file)


def cut(path: Path) -> None:
    torch.save(model().state_dict(), path)
    path.write_bytes(path.read_bytes()[:-400])


def as_safetensors(path: Path) -> None:
    save_file(dict(model().state_dict()), path)


def with_nan(state: State) -> State:
    state["2.bias"][1] = torch.nan
    return state


FILES: list[tuple[str, str, Callable[[Path], object], str, str]] = [
    ("missing", "a.pt", lambda _path: None, "does not exist", "relative to the spec"),
    ("a folder", "a.pt", Path.mkdir, "is a folder", "Name the file"),
    ("empty", "a.pt", Path.touch, "is empty", "Save a state dict"),
    (
        "garbage",
        "a.pt",
        lambda path: path.write_bytes(b"hello" * 99),
        "is no file of torch.save",
        "torch.save(model.state_dict(), path)",
    ),
    ("cut", "a.pth", cut, "cut short or damaged", "Copy it again"),
    ("safetensors as .pt", "a.pt", as_safetensors, "is a safetensors file", ".safeten"),
    (
        "torch.save as .safetensors",
        "a.safetensors",
        stored(dict),
        "is a zip archive, as torch.save writes it, no safetensors file",
        "Name a file after what it holds",
    ),
    (
        "garbage as .safetensors",
        "a.safetensors",
        lambda path: path.write_bytes(b"hello"),
        "is cut short, damaged, no safetensors file",
        "copy it again",
    ),
    ("TorchScript", "a.pt", scripted, "is a TorchScript archive", "torch.jit.load"),
    ("a program", "a.pt", exported, "is an exported program", "model.path"),
    (
        "a whole module",
        "a.pt",
        lambda path: torch.save(nn.Linear(4, 3), path),
        "holds a pickled torch.nn.modules.linear.Linear",
        "trust: true",
    ),
    (
        "a checkpoint",
        "a.pt",
        stored(lambda state: {"epoch": 3, "state_dict": state}),
        "is a checkpoint: the state dict is under its key `state_dict`",
        'torch.load(path, map_location="cpu")["state_dict"]',
    ),
    ("a list", "a.pt", stored(list), "holds list, not a state dict", "state_dict()"),
    (
        "no tensors",
        "a.pt",
        stored(lambda _state: {"epoch": 3}),
        "holds no tensors: `epoch`",
        "state_dict()",
    ),
    (
        "DataParallel's prefix",
        "a.pt",
        renamed(lambda name: f"module.{name}"),
        "starts with `module.`",
        "Write `strip_prefix: module.` beside weights, or save it without: torch.save("
        "{k.removeprefix('module.'): v for k, v in torch.load(path, "
        'map_location="cpu").items()}, new_path)',
    ),
    (
        "two prefixes",
        "a.pt",
        renamed(lambda name: f"model.net.{name}"),
        "starts with `model.net.`",
        "Write `strip_prefix: model.net.` beside weights",
    ),
    (
        "another name",
        "a.pt",
        renamed(lambda name: name.replace("2.bias", "2.bais")),
        "lacks 1 of 4 (`2.bias`) and has 1 more (`2.bais`)",
        "`2.bais` for `2.bias`",
    ),
    (
        "missing names",
        "a.pt",
        stored(lambda state: {"0.bias": state["0.bias"]}),
        "lacks 3 of 4 (`0.weight`, `2.weight`, `2.bias`)",
        "the module that was trained",
    ),
    (
        "another shape",
        "a.pt",
        stored(lambda state: state | {"2.weight": torch.ones(5, 8)}),
        "has `2.weight` in shape (5, 8), the module's is (3, 8)",
        "number of classes",
    ),
    ("NaN", "a.pt", stored(with_nan), "holds 1 NaN of 3 in `2.bias`", "Training"),
]


@pytest.mark.filterwarnings("ignore:`torch.jit")
@pytest.mark.parametrize(
    ("name", "write", "message", "remedy"),
    [row[1:] for row in FILES],
    ids=[row[0] for row in FILES],
)
def test_a_file_that_does_not_do_is_one_message(
    run: Callable[..., str],
    tmp_path: Path,
    name: str,
    write: Callable[[Path], object],
    message: str,
    remedy: str,
) -> None:
    write(tmp_path / name)
    said = run(name)
    assert f"model.weights: {name}" in said
    assert message in said
    assert remedy in said


FACTORIES = [
    ("net:none", "NoneType", "must return a torch.nn.Module"),
    ("net:a_dict", "dict", "must return a torch.nn.Module"),
    ("net:a_class", "self", "returns a module, no class"),
    ("net:needs", "'classes'", "called without arguments"),
    ("net:raises", ".py:20: ValueError: no such variant", "Check model.factory"),
    ("net:absent", "cannot import name 'absent'", "has no such name"),
    (
        "nowhere_at_all:build",
        "No module named 'nowhere_at_all'",
        "A module of your own",
    ),
]


@pytest.mark.parametrize(("factory", "message", "remedy"), FACTORIES)
def test_a_factory_that_does_not_do_is_one_message(
    run: Callable[..., str], factory: str, message: str, remedy: str
) -> None:
    said = run(factory=factory)
    assert "error[NC404]: load_model() failed" in said
    assert message in said
    assert remedy in said


@pytest.mark.parametrize(
    ("factory", "kind"),
    [("net:none", "None"), ("net:a_dict", "an object of dict"), ("net:a_class", "the")],
)
def test_weights_need_a_module(
    run: Callable[..., str], tmp_path: Path, factory: str, kind: str
) -> None:
    torch.save(model().state_dict(), tmp_path / "a.pt")
    said = run("a.pt", factory)
    assert f"model.factory gives {kind}" in said
    assert "not a torch.nn.Module" in said


class Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.system, (f"touch '{self.marker}'",)


@pytest.mark.parametrize("how", ["zip", "legacy", "plain pickle"])
def test_pickled_code_does_not_run_without_trust(
    run: Callable[..., str], tmp_path: Path, how: str
) -> None:
    marker, path = tmp_path / "ran", tmp_path / "a.pt"
    state = {**model().state_dict(), "more": Bomb(marker)}
    if how == "plain pickle":
        path.write_bytes(pickle.dumps(state))
    else:
        torch.save(state, path, _use_new_zipfile_serialization=how == "zip")
    said = run("a.pt")
    assert "model.weights: a.pt" in said
    assert "trust: true" in said
    assert not marker.exists()


def test_with_trust_it_runs_and_the_script_says_so(
    run: Callable[..., str], tmp_path: Path
) -> None:
    marker = tmp_path / "ran"
    torch.save({"epoch": 1, "more": Bomb(marker)}, tmp_path / "a.pt")
    assert "holds no tensors" in run("a.pt", trust=True)
    assert marker.exists()
    source = (tmp_path / "convert_net.py").read_text()
    assert 'WEIGHTS = HERE / "a.pt"' in source
    assert "load_state_dict(model, WEIGHTS, weights_only=False)" in source
    assert "# model.trust in the spec" in source


def loading(tmp_path: Path, state: State) -> tuple[nn.Module, list[str]]:
    """The module with the weights loaded as a script does, and what is warned of."""
    torch.save(state, tmp_path / "a.pt")

    def load_model() -> nn.Module:
        found = model()
        pytorch.load_state_dict(found, tmp_path / "a.pt", weights_only=True)
        return found

    found, said = loaded(load_model, tmp_path)
    return found, [str(each) for each in said]


def test_weights_in_another_precision_are_loaded_with_a_warning(tmp_path: Path) -> None:
    half = {k: v.half() for k, v in model().state_dict().items()}
    found, said = loading(tmp_path, half)
    assert found[0].weight.dtype == torch.float32
    assert torch.equal(found[0].weight, half["0.weight"].float())
    (text,) = said
    assert "model.weights: a.pt holds 4 of 4 tensors in another precision" in text
    assert "`0.weight`: torch.float16, the module has torch.float32" in text


def test_weights_that_fit_are_loaded_without_a_word(tmp_path: Path) -> None:
    state = {k: torch.full_like(v, 0.5) for k, v in model().state_dict().items()}
    found, said = loading(tmp_path, state)
    assert said == []
    assert all(torch.equal(v, state[k]) for k, v in found.state_dict().items())


def test_safetensors_are_loaded(tmp_path: Path) -> None:
    state = {k: torch.full_like(v, 0.5) for k, v in model().state_dict().items()}
    save_file(state, tmp_path / "a.safetensors")
    found = model()
    pytorch.load_safetensors(found, tmp_path / "a.safetensors")
    assert all(torch.equal(v, state[k]) for k, v in found.state_dict().items())


def test_a_trusted_module_gives_its_weights(tmp_path: Path) -> None:
    trained = nn.Linear(4, 3)
    torch.save(trained, tmp_path / "a.pt")
    found = nn.Linear(4, 3)
    pytorch.load_state_dict(found, tmp_path / "a.pt", weights_only=False)
    assert torch.equal(found.weight, trained.weight)
