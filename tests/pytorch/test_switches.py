"""fp32 means fp32, whatever the environment and the user's code allow PyTorch to do."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from narrowcast.runtime.common.errors import RequirementError
from narrowcast.runtime.frameworks.pytorch.running import switches

MEASURE = """
import json, os, sys
import torch
torch.set_num_threads(1)
from torch import nn

if "medium" in sys.argv:
    torch.set_float32_matmul_precision("medium")
torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(16, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3), nn.Flatten(),
    nn.Linear(32 * 144, 64), nn.ReLU(), nn.Linear(64, 64),
).eval()
x = torch.randn(8, 16, 16, 16)
if "used before" in sys.argv:
    model(x)

from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.frameworks.inputs import Input

(baseline,) = pytorch.predictor(model)((x,))
inputs = [Input("x", ("batch", 16, 16, 16), "float32")]
traced = pytorch.trace(model, (x,), low=Precision.BF16, inputs=inputs)
with torch.no_grad():
    prepared = traced.prepared.module(x)
    exact = model.double()(x.double())
said = {
    "switches": dict(traced.switches),
    "variable": os.environ["ONEDNN_DEFAULT_FPMATH_MODE"],
    "matmul": torch.get_float32_matmul_precision(),
    "errors": [
        float((torch.as_tensor(found) - exact).norm() / exact.norm())
        for found in (baseline, prepared)
    ],
}
print(json.dumps(said))
"""


EARLY = """
import os
import torch
os.environ["ONEDNN_DEFAULT_FPMATH_MODE"] = "STRICT"
image, weight = torch.randn(2, 16, 16, 16), torch.randn(16, 16, 3, 3)
exact = torch.conv2d(image.double(), weight.double())
print(float((torch.conv2d(image, weight) - exact).norm() / exact.norm()) > 1e-4)
"""


@pytest.fixture(scope="module")
def read_early(python: Any) -> bool:
    """Whether oneDNN has read its variable when torch is imported, as on CPUs with AMX."""
    done = python("-c", EARLY, env={"ONEDNN_DEFAULT_FPMATH_MODE": "BF16"})
    return bool(json.loads(done.stdout.strip().lower()))


@pytest.mark.parametrize("code", ["", "medium", "used before"])
def test_the_fp32_baseline_is_true_fp32(
    python: Any, code: str, read_early: bool
) -> None:
    """The environment asks oneDNN, and the user's code asks torch, for bf16 inside."""
    environ = {"ONEDNN_DEFAULT_FPMATH_MODE": "BF16"}
    done = python("-c", MEASURE, code, env=environ)
    assert done.returncode == 1 or not read_early
    if (code == "used before" or read_early) and done.returncode == 1:
        # Where the variable was read too early to be taken back, that is said.
        assert "PyTorch computes fp32 in fewer bits here" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert max(said["errors"]) < 2e-6
    assert said["variable"] == "STRICT"
    assert said["matmul"] == "highest"
    assert said["switches"] == {
        "ONEDNN_DEFAULT_FPMATH_MODE": "STRICT",
        "torch.set_float32_matmul_precision": "highest",
        "torch.backends.cudnn.allow_tf32": "False",
    }


class Narrows(TorchDispatchMode):
    """A machine that rounds the fp32 inputs of some operators to bf16."""

    def __init__(self, operator: str) -> None:
        super().__init__()
        self.operator = operator

    def __torch_dispatch__(
        self, function: Any, kinds: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if self.operator in function.__name__:
            args = torch.utils._pytree.tree_map(self.narrowed, args)
        return function(*args, **(kwargs or {}))

    @staticmethod
    def narrowed(value: Any) -> Any:
        fp32 = isinstance(value, torch.Tensor) and value.dtype == torch.float32
        return value.bfloat16().float() if fp32 else value


@pytest.mark.parametrize("operator", ["convolution", "mm"])
def test_a_machine_that_narrows_fp32_by_itself_is_refused(operator: str) -> None:
    switches._check_fp32.cache_clear()
    with Narrows(operator), pytest.raises(RequirementError) as caught:
        switches.hold_fp32()
    assert "PyTorch computes fp32 in fewer bits here" in caught.value.message
    assert "ONEDNN_DEFAULT_FPMATH_MODE" in caught.value.remedy
    assert switches.hold_fp32()["torch.backends.cudnn.allow_tf32"] == "False"
    assert os.environ["ONEDNN_DEFAULT_FPMATH_MODE"] == "STRICT"
    assert not torch.backends.cudnn.allow_tf32
