"""Models, data and metrics that don't do: one message each, with place and remedy."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

Script = Callable[[str], tuple[int, str]]

HEAD = """
import numpy as np
import torch
from torch import nn
"""

MODEL = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.out = nn.Linear(8, 16), nn.Linear(16, 4)
        self.register_buffer("shift", torch.zeros(16, 16))

    def forward(self, x):
{body}


def build():
    return Net()
"""

DATA = """
class Rows:
    def __len__(self):
        return {length}

    def __getitem__(self, k):
        x = np.random.default_rng(k).standard_normal(8).astype(np.float32)
{body}
"""

METRIC = """
class Metric:
    def reset(self):
        self.right = []

    def update(self, predictions, labels):
{body}

    def result(self):
        return {result}
"""

SPEC = """
model:
  name: net
  framework: pytorch
  factory: net:build
  inputs: [{{name: {input}, shape: {shape}{dtype}}}]
mixed_precision: {{precisions: bf16}}
evaluation:
  accuracy:
    metric: {metric}
    dataloader:
      batch_size: 16
      last_batch: {last}
      dataset: {{python: "net:Rows"}}
tuning:
  accuracy_criterion: {{absolute: 0.5}}
"""


class Project:
    """A model, a dataset and a metric, of which a test spoils one."""

    def __init__(self, folder: Path, script: Script) -> None:
        self.folder, self.script = folder, script

    def run(
        self,
        *,
        forward: str = "return self.out(self.fc(x))",
        sample: str = "return x, k % 4",
        length: int = 32,
        update: str = "self.right.append((predictions.argmax(-1) == labels).mean())",
        result: str = "float(np.mean(self.right))",
        metric: str = '{python: "net:Metric"}',
        shape: str = "[batch, 8]",
        dtype: str = "",
        last: str = "discard",
        input: str = "x",
    ) -> list[str]:
        """The lines on standard error of a run that is refused with exit code 2."""
        blocks = [
            HEAD,
            MODEL.format(body=textwrap.indent(forward, " " * 8)),
            DATA.format(body=textwrap.indent(sample, " " * 8), length=length),
            METRIC.format(body=textwrap.indent(update, " " * 8), result=result),
        ]
        self.source = "".join(blocks)
        (self.folder / "net.py").write_text(self.source)
        dtype = f", dtype: {dtype}" if dtype else ""
        spec = SPEC.format(
            metric=metric, shape=shape, dtype=dtype, last=last, input=input
        )
        code, err = self.script(spec)
        assert code == 2, err
        return err.splitlines()

    def error(self, **spoiled: object) -> str:
        """Message and remedy: there is one of each, and nothing else is said."""
        lines = self.run(**spoiled)  # type: ignore[arg-type]
        said = [line for line in lines if "FORCE_BF16" not in line]
        if said[0].startswith("  baseline"):
            del said[0]
        assert len(said) == 2, lines
        assert said[0].startswith("error[NC")
        assert said[1].startswith("  ")
        kept = {path.name for path in self.folder.iterdir()}
        own = {"net.py", "convert_net.py", "__pycache__"}
        assert kept <= own | {"net.trials.jsonl"}  # for --resume
        return "\n".join(said)

    def line(self, text: str) -> int:
        """The line of net.py that holds the text."""
        return self.source[: self.source.index(text)].count("\n") + 1


@pytest.fixture
def project(tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delitem(__import__("sys").modules, "net", raising=False)
    return Project(tmp_path, script)


ON_VALUES = {
    "a sum": "x = self.fc(x)\nif x.sum() > 0:\n    x = x * 2\nreturn self.out(x)",
    "all of a mask": "if (x > 0).all():\n    x = x + 1\nreturn self.out(self.fc(x))",
    "an int": "n = int(x[0, 0].abs()) + 1\nreturn self.out(self.fc(x))[:, :n]",
    "a loop": "for k in range(int(x.abs().sum()) % 3):\n    x = x + 1\nreturn self.out(self.fc(x))",
    "what is printed": "print(float(x.mean()))\nreturn self.out(self.fc(x))",
    "a size": "n = x[x > 0]\nif n.shape[0] > 4:\n    x = x + 1\nreturn self.out(self.fc(x))",
}

DECIDING = {
    "a sum": "if x.sum() > 0:",
    "all of a mask": "if (x > 0).all():",
    "an int": "n = int(x[0, 0].abs()) + 1",
    "a loop": "for k in range(int(x.abs().sum()) % 3):",
    "what is printed": "print(float(x.mean()))",
    "a size": "if n.shape[0] > 4:",
}


@pytest.mark.parametrize("case", ON_VALUES)
def test_the_line_that_depends_on_values_is_shown(case: str, project: Project) -> None:
    said = project.error(forward=ON_VALUES[case])
    where = f"net.py:{project.line(DECIDING[case])}: `{DECIDING[case]}`"
    assert f"can't trace the model at {where} depends on the values" in said
    assert "torch.cond" in said
    assert "a fixed size" in said


def test_the_line_that_leaves_torch_is_shown(project: Project) -> None:
    leaving = "y = torch.from_numpy(np.tanh(x.numpy()))"
    said = project.error(forward=f"{leaving}\nreturn self.out(self.fc(y))")
    assert f"can't trace the model at net.py:{project.line(leaving)}: .numpy()" in said
    assert "no NumPy" in said


@pytest.mark.parametrize(
    "forward",
    [
        "return self.out(self.fc(x.reshape(16, 8)))",
        "return self.out(self.fc(x) + self.shift)",
    ],
)
def test_a_size_that_the_model_fixes_is_named_with_its_input(
    forward: str, project: Project
) -> None:
    said = project.error(forward=forward)
    assert "`batch` (dimension 0 of x) left open: it fixes it to 16" in said
    assert "Write 16 for `batch` in model.inputs" in said


OUTPUTS = {
    "return 'text'": "the model returns str, in which there is no tensor",
    "return self": "the model returns Net, in which there is no tensor",
    "return self.out(self.fc(x)), 'text'": "returns the text 'text' among its outputs",
    "return self.out(self.fc(x)) / 0 * 0": "the fp32 model's outputs are not finite",
    "return self.out(x)": "the fp32 model fails on the data at net.py:13: RuntimeError",
}


@pytest.mark.parametrize("forward", OUTPUTS)
def test_outputs_that_do_not_do(forward: str, project: Project) -> None:
    last = "self.right.append(0.0)"
    assert OUTPUTS[forward] in project.error(forward=forward, update=last)


DATASETS: dict[str, dict[str, object]] = {
    "input x has shape (16, 7), model.inputs says (batch, 8)": {
        "sample": "return x[:7], k % 4"
    },
    "input x has shape (16, 3, 28, 28), model.inputs says (batch, 3, 32, 32)": {
        "sample": "return np.zeros((3, 28, 28)), k % 4",
        "shape": "[batch, 3, 32, 32]",
    },
    "input x has shape (8, 8), model.inputs says (16, 8)": {
        "length": 40,
        "last": "rollover",
        "shape": "[16, 8]",
    },
    "model.inputs names 1 inputs, the data gives more": {
        "sample": "return (x, x), k % 4"
    },
    "must have the same dtype": {"dtype": "int64"},
    "sample 0 of Rows is not (input, label)": {"sample": "return x, x, k"},
    "an input of the data is text, of which PyTorch has no tensors": {
        "sample": "return 'a.png', k"
    },
    "an input of Rows is None": {"sample": "return None, k"},
    "an input of Rows is dict": {"sample": "return {'x': x}, k"},
    "the data has no batch": {"length": 15},
    "shorter than batch_size": {"length": 0},
    "net.py:25: OSError: no such image": {"sample": "raise OSError('no such image')"},
    "labels run from 0 to 6, the model has 4 classes": {
        "sample": "return x, k % 7",
        "metric": "{topk: 1}",
    },
    "top-1 needs labels, the data has none": {
        "sample": "return x, None",
        "metric": "{topk: 1}",
    },
    "top-4 of 4 classes is 1 whatever the model gives": {"metric": "{topk: 4}"},
}


@pytest.mark.parametrize("message", DATASETS)
def test_data_that_do_not_do(message: str, project: Project) -> None:
    assert message in project.error(**DATASETS[message])


METRICS: dict[str, dict[str, object]] = {
    "Metric is not a finite number, although its outputs are": {
        "result": "float('nan')"
    },
    "the metric failed at net.py:35: ZeroDivisionError": {"result": "1 / 0"},
    "Metric.result() gives NoneType, not a number": {"result": "None"},
    "Metric.result() gives str, not a number": {"result": "'good'"},
    "Metric.result() gives dict, not a number": {"result": "{'top-1': 0.5}"},
    "Metric.result() gives Tensor, not a number": {"result": "torch.ones(2)"},
    "the metric failed at net.py:32: AttributeError": {"update": "predictions.logits"},
    "cannot import name 'Absent'": {"metric": '{python: "net:Absent"}'},
}


@pytest.mark.parametrize("message", METRICS)
def test_metrics_that_do_not_do(message: str, project: Project) -> None:
    assert message in project.error(**METRICS[message])
