"""Inputs and outputs in 16 bits, where the spec frees their dtype."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from placements import all_fp32, all_low, low_share
from project import Project
from torch import nn

from narrowcast.runtime.common.errors import DataError, ModelError
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.pytorch import Program
from narrowcast.runtime.graph.graph import Graph, Precision, casts
from narrowcast.runtime.report.explain import explained
from narrowcast.runtime.report.text import explanation_text
from narrowcast.runtime.run.slots.freeing import freed, notes
from narrowcast.runtime.search.limits.ranges import Ranges

BF16 = Precision.BF16
INPUTS = (
    Input("ids", ("batch", 6), "int64"),
    Input("scale", ("batch", 1), "float32"),
)


class Language(nn.Module):
    """A small GPT: the head's weight is the embedding's."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.norm = nn.Embedding(40, 16), nn.LayerNorm(16)
        self.up, self.down = nn.Linear(16, 32), nn.Linear(32, 16)
        self.head = nn.Linear(16, 40, bias=False)
        self.head.weight = self.table.weight

    def forward(self, ids: torch.Tensor, scale: torch.Tensor) -> dict[str, Any]:
        x = self.table(ids) * scale[:, :, None]
        x = x + self.down(torch.nn.functional.gelu(self.up(self.norm(x))))
        return {"hidden": x, "logits": self.head(x), "best": self.head(x).argmax(-1)}


BATCH = (torch.arange(24).reshape(4, 6), torch.linspace(0.1, 2, 4)[:, None])


@pytest.fixture(scope="module")
def plain() -> Program:
    return pytorch.trace(Language().eval(), BATCH, low=BF16, inputs=INPUTS)


def free(program: Program, *inputs: str, **outputs: int) -> Program:
    found = freed(program, BF16, INPUTS, inputs, outputs)
    assert isinstance(found, Program)
    return found


READER = """
import json, sys
sys.modules["narrowcast"] = None  # importing it would now fail
import torch
program = torch.export.load(sys.argv[1])
ids, scale = torch.load(sys.argv[2], weights_only=True)
values = {
    node.name: node for node in program.graph.nodes if node.op != "placeholder"
}
outputs = [str(values[n].target) for n in program.graph_signature.user_outputs]
with torch.no_grad():
    found = program.module()(ids, scale)
torch.save(found, sys.argv[3])
print(json.dumps(outputs))
"""


def run_apart(python: Any, folder: Path, saved: Path, *batch: Any) -> Any:
    """What a process without narrowcast gets of it, and what makes its outputs."""
    torch.save(batch, folder / "in")
    done = python("-c", READER, saved, folder / "in", folder / "out")
    assert done.returncode == 0, done.stderr
    return torch.load(folder / "out", weights_only=True), json.loads(done.stdout)


def test_freed_logits_are_not_cast(plain: Program, tmp_path: Path, python: Any) -> None:
    """In the file they have the bits that the unfreed model's have, which casts them."""
    program = free(plain, logits=1)
    placement = all_low(program)
    assert low_share(program.graph, placement) == 1
    saved = program.save(program.apply(placement), tmp_path / "freed.pt2")
    usual = plain.save(plain.apply(placement), tmp_path / "plain.pt2")
    found, makers = run_apart(python, tmp_path, saved, *BATCH)
    wide, casting = run_apart(python, tmp_path, usual, *BATCH)
    assert [value.dtype for value in found.values()] == [
        torch.float32,
        torch.bfloat16,
        torch.int64,
    ]
    assert wide["logits"].dtype == torch.float32
    assert makers[1] == "aten.linear.default"
    assert casting[1] == "aten._to_copy.default"
    assert all(torch.equal(found[k].to(wide[k].dtype), wide[k]) for k in wide)
    assert (
        len(casts(program.graph, placement)) == len(casts(plain.graph, placement)) - 1
    )
    judged = program.load_saved(saved)(BATCH)
    assert [values.dtype for values in judged] == [np.float32, np.float32, np.int64]
    for ours, theirs in zip(judged, wide.values(), strict=True):
        assert np.array_equal(ours, theirs.numpy())


def test_a_freed_input_comes_in_16_bits(
    plain: Program, tmp_path: Path, python: Any
) -> None:
    """The file takes bf16; who opens it to judge it still gives the data's fp32."""
    program = free(plain, "scale")
    placement = all_low(program)
    saved = program.save(program.apply(placement), tmp_path / "freed.pt2")
    ids, scale = BATCH
    found, _makers = run_apart(python, tmp_path, saved, ids, scale.bfloat16())
    usual = pytorch.predictor(plain.apply(placement))(BATCH)
    for ours, theirs in zip(found.values(), usual, strict=True):
        assert np.array_equal(ours.numpy(), theirs)
    judged = program.load_saved(saved)(BATCH)
    assert all(map(np.array_equal, judged, usual))
    assert (
        len(casts(program.graph, placement)) == len(casts(plain.graph, placement)) - 1
    )


def test_beside_fp32_a_freed_border_is_one_cast(plain: Program) -> None:
    program = free(plain, "scale", logits=1)
    placement = all_fp32(program)
    found = casts(program.graph, placement)
    assert [(c.source, c.target) for c in found] == [
        (BF16, Precision.FP32),
        (Precision.FP32, BF16),
    ]
    converted = program.apply(placement)
    targets = [str(node.target) for node in converted.graph.nodes]
    assert targets.count("aten._to_copy.default") == 2
    ids, scale = BATCH
    exact = Language().eval()(ids, scale.bfloat16().float())["logits"]
    made = converted(ids, scale.bfloat16())["logits"]
    assert made.dtype == torch.bfloat16
    assert torch.equal(made, exact.bfloat16())


def test_the_border_is_told_by_the_models_names(plain: Program) -> None:
    assert notes(plain) == ()
    (said,) = notes(free(plain, "scale", logits=1))
    assert said == "the converted model takes scale in bf16 and returns logits in bf16"


@pytest.mark.parametrize(
    ("inputs", "outputs", "said"),
    [
        (["ids"], {}, "frees the dtype of `ids`, which is int64"),
        (["scales"], {}, "no input of the model"),
        ([], {"logit": 1}, "no output of the model"),
        ([], {"best": 2}, "which is int64"),
    ],
)
def test_what_is_no_float_of_the_model_is_not_freed(
    plain: Program, inputs: list[str], outputs: Mapping[str, int], said: str
) -> None:
    with pytest.raises(DataError, match=said) as caught:
        freed(plain, BF16, INPUTS, inputs, outputs)
    assert caught.value.remedy


def test_labels_go_by_place(plain: Program) -> None:
    """Names of which none is the model's own, one for each output."""
    found = freed(plain, BF16, INPUTS, (), {"b": 1}, ["a", "b", "c"])
    assert found.graph.returned == free(plain, logits=1).graph.returned


def test_by_place_where_outputs_have_no_names() -> None:
    model = nn.Sequential(nn.Linear(4, 3)).eval()
    inputs = (Input("input", ("batch", 4), "float32"),)
    program = pytorch.trace(model, (torch.ones(2, 4),), low=BF16, inputs=inputs)
    found = freed(program, BF16, inputs, (), {"any": 0})
    assert [*found.graph.returned.values()] == [BF16]
    named = freed(program, BF16, inputs, (), {"label": 0}, ["label"])
    assert isinstance(named, Program)
    assert named.graph.returned == found.graph.returned
    with pytest.raises(DataError, match="the model has 1"):
        freed(program, BF16, inputs, (), {"more": 1})


def test_what_16_bits_do_not_hold_is_not_freed(plain: Program) -> None:
    graph: Graph = free(plain, logits=1).graph
    beyond = Ranges({}, {}, unfit=frozenset(graph.returned))
    with pytest.raises(ModelError, match=r"model\.outputs frees its dtype"):
        beyond.within(graph)
    assert beyond.within(replace(graph, returned={})).unfit


NET = """
import torch

def build():
    torch.manual_seed(0)
    hidden = torch.nn.Linear(8, 32), torch.nn.ReLU()
    return torch.nn.Sequential(*hidden, torch.nn.Linear(32, 3))
"""


@pytest.mark.nightly
def test_a_spec_frees_them_and_the_plan_is_replayed(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET)
    rows = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
    np.savez(tmp_path / "rows.npz", x=rows, y=rows[:, :3].argmax(1))
    project = Project(tmp_path)
    data = {"npz": {"path": "rows.npz", "inputs": "x", "label": "y"}}
    loader = {"batch_size": 32, "dataset": data}
    taken = {"name": "input", "shape": ["batch", 8], "dtype": "bfloat16"}
    outputs = {"logits": {"dtype": "bfloat16"}}
    model = {
        "name": "net",
        "framework": "pytorch",
        "factory": "net:build",
        "inputs": [taken],
        "outputs": outputs,
    }
    project.write(
        model=model,
        mixed_precision={"precisions": "bf16"},
        evaluation={"accuracy": {"metric": {"topk": 1}, "dataloader": loader}},
        tuning={"accuracy_criterion": {"absolute": 0.1}, "objective": "low_compute"},
    )
    report = project.report()
    assert report["exit_code"] == 0
    assert report["flops_low"] == report["flops"] > 0
    assert report["casts"] == 0
    assert any("takes input in bf16 and returns" in note for note in report["notes"])
    assert project.plan["io"] == {
        "inputs": {"input": "bf16"},
        "outputs": {"2:linear:0": "bf16"},
    }
    before = project.hashes("net.bf16.pt2")
    assert project.report()["replayed"]
    assert project.hashes("net.bf16.pt2") == before
    found = torch.export.load(tmp_path / "net.bf16.pt2").module()
    assert found(torch.from_numpy(rows).bfloat16()).dtype == torch.bfloat16
    said = explanation_text(explained(tmp_path / "net.plan.json"))
    assert "  inputs     input in bf16" in said
    assert "  outputs    2:linear:0 in bf16" in said
