"""A folder of save_pretrained is converted without a Python file; run by `make nightly`.

Its models are made from configurations: nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedModel,
)

SPEC = """
model:
  name: net
  framework: pytorch
  factory:
    python: transformers:{auto}.from_pretrained
    args:
      pretrained_model_name_or_path: ./model
      local_files_only: true
      use_cache: false
      {more}
  inputs:
    - {{name: input_ids, shape: [batch, 16], dtype: int64, range: [0, 99]}}
    - {{name: attention_mask, shape: [batch, 16], dtype: int64, range: [1, 1]}}
mixed_precision: {{precisions: bf16}}
"""


def bert() -> PreTrainedModel:
    return BertForSequenceClassification(
        BertConfig(
            vocab_size=100,
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=128,
        )
    )


def gpt2() -> PreTrainedModel:
    """Its head is its embedding, under one name in the file."""
    return GPT2LMHeadModel(GPT2Config(vocab_size=100, n_embd=64, n_layer=2, n_head=4))


def run(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "net.yaml").write_text(text)
    (folder / "elsewhere").mkdir()
    return subprocess.run(
        [sys.executable, "-m", "narrowcast", "run", "../net.yaml", "--search"],
        cwd=folder / "elsewhere",
        env={**os.environ, "FORCE_BF16": "1"},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("make", "auto", "shards"),
    [(bert, AutoModelForSequenceClassification, 1), (gpt2, AutoModelForCausalLM, 3)],
)
def test_a_folder_is_converted(
    tmp_path: Path, make: Any, auto: type[Any], shards: int
) -> None:
    torch.manual_seed(0)
    model = make().eval()
    size = sum(each.numel() * 4 for each in model.parameters()) // shards + 4096
    model.save_pretrained(tmp_path / "model", max_shard_size=size)
    index = tmp_path / "model" / "model.safetensors.index.json"
    assert index.exists() == (shards > 1)
    done = run(tmp_path, SPEC.format(auto=auto.__name__, more="dtype: float32"))
    assert done.returncode == 0, done.stderr
    ids = torch.randint(0, 100, (3, 16))
    mask = torch.ones_like(ids)
    (path,) = tmp_path.rglob("net.bf16.pt2")
    saved = torch.export.load(path).module()
    found = saved.forward(input_ids=ids, attention_mask=mask)
    with torch.no_grad():
        wanted = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
    found = found["logits"] if isinstance(found, dict) else found
    found = found[0] if isinstance(found, tuple | list) else found
    assert (wanted - found).norm() / wanted.norm() < 0.05
    (plan,) = tmp_path.rglob("net.plan.json")
    files = json.loads(plan.read_text())["files"]["model"]
    assert [Path(name).name for name in files] == ["model"]


@pytest.mark.parametrize(
    ("auto", "more", "said"),
    [
        ("AutoModelForSequenceClassification", "use_cahe: false", "args.use_cahe"),
        ("AutoModelForSequenceClasification", "dtype: float32", "no such name"),
    ],
)
def test_what_is_wrong_is_told_at_its_line(
    tmp_path: Path, auto: str, more: str, said: str
) -> None:
    bert().save_pretrained(tmp_path / "model")
    done = run(tmp_path, SPEC.format(auto=auto, more=more))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert said in done.stderr
    assert "(net.yaml:" in done.stderr
