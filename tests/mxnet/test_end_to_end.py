"""From a spec to converted files: the generated script, run as users run it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrowcast.runtime.frameworks.mxnet.ir.library import mx

nn = mx.gluon.nn

SPEC = """
model:
  name: digits
  framework: mxnet
  {model}
  inputs: [{{name: data, shape: [batch, 1, 12, 12]}}]
mixed_precision:
  op_wise: {{'digits_dense0_fwd': {{weight: {{dtype: fp32}}}}}}
evaluation:
  accuracy:
    metric: {{topk: 1}}
    dataloader:
      batch_size: 64
      dataset: {{npz: {{path: data.npz, inputs: [image], label: label}}}}
tuning:
  accuracy_criterion: {{relative: 0.05}}
"""

FACTORY = """
from mxnet.gluon import nn

def build():
    net = nn.HybridSequential(prefix="digits_")
    with net.name_scope():
        net.add(nn.Conv2D(16, 3, use_bias=False), nn.BatchNorm())
        net.add(nn.Activation("relu"), nn.MaxPool2D(2), nn.Dense(10))
    return net
"""

MODEL = "factory: digits_net:build\n  weights: net.params"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A spec, its model and its data; 100 samples leave a smaller last batch."""
    mx.random.seed(0)
    (tmp_path / "digits_net.py").write_text(FACTORY)
    made: dict[str, Any] = {}
    exec(FACTORY, made)
    model = made["build"]()
    model.initialize(mx.init.Xavier())
    images = np.random.default_rng(0).random((100, 1, 12, 12), np.float32)
    labels = model(mx.nd.array(images)).asnumpy().argmax(1)
    np.savez(tmp_path / "data.npz", image=images, label=labels)
    model.save_parameters(str(tmp_path / "net.params"))
    spec = SPEC.format(model=MODEL)
    (tmp_path / "spec.yaml").write_text(spec)
    command = (sys.executable, "-m", "narrowcast", "generate", "spec.yaml")
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


INT8 = """
quantization:
  calibration: {sampling_size: 64}
  op_wise: {'digits_dense0_fwd': {activation: {dtype: [bf16, fp32]}}}
"""

FILES = ["digits.bf16-0000.params", "digits.bf16-symbol.json"]


def test_a_script_converts_a_block_and_replays_to_the_same_bytes(
    folder: Path, python: Any
) -> None:
    done = python(folder / "convert_digits.py", "--output", "one", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "criterion holds" in done.stdout
    assert "remove_amp_cast=False" in done.stdout
    assert sorted(path.name for path in (folder / "one").iterdir()) == FILES
    _symbol, arguments, _states = mx.model.load_checkpoint(
        str(folder / "one" / "digits.bf16"), 0
    )
    dtypes = {name: str(values.dtype) for name, values in arguments.items()}
    assert "bfloat16" in dtypes["digits_conv0_weight"]
    assert "float32" in dtypes["digits_dense0_weight"]
    again = python(folder / "convert_digits.py", "--output", "other", cwd=folder)
    assert again.returncode == 0, again.stderr
    assert "replaying" in again.stderr
    for name in FILES:
        one, other = (folder / each / name for each in ("one", "other"))
        assert one.read_bytes() == other.read_bytes()


def test_a_spec_with_int8_gives_a_model_in_three_precisions(
    folder: Path, python: Any
) -> None:
    spec = SPEC.format(model=MODEL).splitlines()
    pinned = next(k for k, line in enumerate(spec) if "op_wise" in line)
    spec[pinned] = "  precisions: [int8, bf16]"
    (folder / "spec.yaml").write_text("\n".join(spec) + INT8)
    command = (sys.executable, "-m", "narrowcast", "generate", "spec.yaml")
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    done = python(folder / "convert_digits.py", "--output", "one", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "criterion holds" in done.stdout
    plan = json.loads((folder / "digits.plan.json").read_text())
    assert plan["ops"]["digits_conv0_fwd"] == "int8"
    assert plan["ops"]["digits_dense0_fwd"] == "bf16"
    assert plan["graph"]["flops_int8"] > 0 < plan["graph"]["flops_low"]
    assert plan["calibration"]["samples"] == 64
    prefix = str(folder / "one" / "digits.int8.bf16")
    symbol, arguments, _states = mx.model.load_checkpoint(prefix, 0)
    assert "_sg_mkldnn_conv" in symbol.tojson()
    assert "bfloat16" in str(arguments["digits_dense0_weight"].dtype)
