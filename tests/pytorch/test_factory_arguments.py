"""A factory that takes arguments, through the real generated script."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_model
from torch import nn

Script = Callable[[str], tuple[int, str]]
Python = Callable[..., subprocess.CompletedProcess[str]]

NET = '''
import json
from pathlib import Path

import torch
from safetensors.torch import load_model
from torch import nn


class Net(nn.Module):
    """Made as models of a hub are: from a folder with a configuration and weights."""

    def __init__(self, width, use_cache=True):
        super().__init__()
        self.embed, self.head = nn.Embedding(50, width), nn.Linear(width, 50, bias=False)
        self.head.weight = self.embed.weight
        self.use_cache = use_cache

    @classmethod
    def from_pretrained(cls, folder, **options):
        assert type(folder) is str
        config = json.loads(Path(folder, "config.json").read_text())
        made = cls(**{**config, **options})
        load_model(made, Path(folder, "model.safetensors"))
        return made

    def forward(self, ids):
        return self.head(self.embed(ids))


def broken(width):
    return nn.Linear(width, width, biass=True)


def nothing(width):
    pass


def fails(width):
    raise ValueError(f"no net is {width} wide")
'''

SPEC = """
model:
  name: net
  framework: pytorch
  factory:
    python: {python}
    args:
      {args}
  inputs: [{{name: ids, shape: [batch, 8], dtype: int64}}]
mixed_precision: {{precisions: bf16}}
"""


@pytest.fixture
def run(script: Script, tmp_path: Path) -> Callable[..., str]:
    """Runs a spec that must fail; its message."""

    def called(python: str, *args: str) -> str:
        module = tmp_path.name.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(NET)
        python = python.replace("net:", f"{module}:")
        text = SPEC.format(python=python, args="\n      ".join(args))
        (tmp_path / "net.yaml").write_text(text)
        code, err = script(text)
        assert code == 2, err
        assert "Traceback" not in err
        return " ".join(err.split())

    return called


FAILING = [
    (
        ("net:Net", "width: 4", "us_cache: false"),
        "got an unexpected keyword argument 'us_cache'",
        "Check model.factory.args.us_cache (net.yaml:9) in the spec",
    ),
    (
        ("net:Net", "use_cache: false"),
        "missing 1 required positional argument: 'width'",
        "model.factory (net.yaml:5) is called without arguments that it needs",
    ),
    (
        ("net:fails", "width: 4"),
        ".py:40: ValueError: no net is 4 wide",
        "Check model.factory (net.yaml:5)",
    ),
    (
        ("net:broken", "width: 4"),
        ".py:32: TypeError: Linear.__init__() got an unexpected keyword",
        "Check model.factory (net.yaml:5) and",
    ),
    (
        ("net:nothing", "width: 4"),
        "NoneType",
        "model.factory (net.yaml:5) must return a torch.nn.Module",
    ),
    (
        ("net:Net.from_pretrained", "folder: ./modle"),
        "modle, which model.factory.args (net.yaml:7) names, does not exist",
        "relative to the spec",
    ),
    (
        ("net:Net.from_pretraind", "folder: ./modle"),
        "has no attribute 'from_pretraind'",
        "Check model.factory (net.yaml:5)",
    ),
]


@pytest.mark.parametrize(("given", "message", "remedy"), FAILING)
def test_a_factory_that_fails_names_the_line_of_the_spec(
    run: Callable[..., str], given: tuple[str, ...], message: str, remedy: str
) -> None:
    said = run(*given)
    assert message in said
    assert remedy in said


def trained(folder: Path) -> nn.Module:
    """A model in a folder, as save_pretrained leaves it."""
    scope: dict[str, type[nn.Module]] = {}
    exec(NET, scope)
    torch.manual_seed(3)
    model = scope["Net"](width=16)
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"width": 16}))
    save_model(model, str(folder / "model.safetensors"))
    return model


def test_a_folder_is_converted_from_anywhere(tmp_path: Path, python: Python) -> None:
    """The script's place says where it lies, and tied weights are one tensor there."""
    specs, elsewhere = tmp_path / "specs", tmp_path / "elsewhere"
    specs.mkdir()
    elsewhere.mkdir()
    model = trained(tmp_path / "model")
    (specs / "net.py").write_text(NET)
    (specs / "net.yaml").write_text(
        SPEC.format(
            python="net:Net.from_pretrained",
            args="folder: ../model\n      use_cache: false",
        )
    )
    made = python("-m", "narrowcast", "generate", specs / "net.yaml", cwd=specs)
    assert made.returncode == 0, made.stderr
    done = python(
        specs / "convert_net.py", "--search", "--output", "out", cwd=elsewhere
    )
    assert done.returncode == 0, done.stderr
    plan = json.loads((specs / "net.plan.json").read_text())
    assert set(plan["files"]["model"]) == {"../model"}
    ids = torch.arange(48).reshape(6, 8)
    saved = torch.export.load(elsewhere / "out" / "net.bf16.pt2").module()
    wanted, found = model(ids), saved(ids)
    assert (wanted - found).norm() / wanted.norm() < 0.01
