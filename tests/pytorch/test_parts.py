"""Embeddings, views written in place, modules called twice, outputs that are numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from narrowcast.runtime.graph.graph import Precision


class Net(nn.Module):
    def __init__(self, case: Callable[..., Any]) -> None:
        super().__init__()
        self.case = case
        self.table = nn.Embedding(10, 8, padding_idx=0)
        self.bag = nn.EmbeddingBag(10, 8, mode="mean", padding_idx=0)
        self.fc = nn.Linear(8, 8)

    def forward(self, ids: torch.Tensor) -> Any:
        return self.case(self, ids)


@dataclass
class Both:
    hidden: torch.Tensor
    total: torch.Tensor


torch.export.register_dataclass(Both)


def padded_embedding(m: Any, ids: Any) -> Any:
    return m.fc(m.table(ids))


def bag_of_embeddings(m: Any, ids: Any) -> Any:
    return m.fc(m.bag(ids))


def module_called_twice(m: Any, ids: Any) -> Any:
    return m.fc(m.fc(m.table(ids)).relu())


def view_written_in_place(m: Any, ids: Any) -> Any:
    y = m.fc(m.table(ids))
    y[:, 0].mul_(2)
    y[..., 1:3] = 0.5
    y.view(-1, 8)[:, 4:].add_(1)
    return m.fc(y)


def number(m: Any, ids: Any) -> Any:
    return m.fc(m.table(ids)).square().mean()


def several_numbers(m: Any, ids: Any) -> Any:
    y = m.fc(m.table(ids))
    return {"loss": y.square().mean(), "count": (ids > 0).sum(), "none": None}


def dataclass_of_two(m: Any, ids: Any) -> Any:
    y = m.fc(m.table(ids))
    return Both(hidden=y, total=y.sum(-1))


def one_tensor_twice_and_an_input(m: Any, ids: Any) -> Any:
    y = m.fc(m.table(ids))
    return y, y, ids


CASES = [
    padded_embedding,
    bag_of_embeddings,
    module_called_twice,
    view_written_in_place,
    number,
    several_numbers,
    dataclass_of_two,
    one_tensor_twice_and_an_input,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_saved_model_computes_the_same_with_its_layers_low(
    tools: Any, case: Any, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = Net(case).eval()
    program = tools.trace(model, torch.randint(0, 10, (3, 5)))
    placement = tools.all_low(program)
    linear = [op.id for op in program.graph.ops if op.type == "linear"]
    assert {placement[name] for name in linear} == {Precision.BF16}
    path = program.save(program.apply(placement), tmp_path / "parts.pt2")
    loaded = torch.export.load(path).module()
    ids = torch.randint(0, 10, (4, 5))
    with torch.no_grad():
        expected = tools.leaves(model(ids))
    found = tools.leaves(loaded(ids))
    assert [t.dtype for t in found] == [t.dtype for t in expected]
    assert [t.shape for t in found] == [t.shape for t in expected]
    for one, other in zip(expected, found, strict=True):
        if one.is_floating_point():
            assert tools.error(one, other) < 0.03
        else:
            assert torch.equal(one, other)


def test_a_module_called_twice_has_one_weight_and_two_ops(
    tools: Any, tmp_path: Path
) -> None:
    program = tools.trace(Net(module_called_twice), torch.randint(0, 10, (3, 5)))
    linear = [op for op in program.graph.ops if op.type == "linear"]
    assert [op.id for op in linear] == ["fc:linear:0", "fc:linear:1"]
    assert len({op.inputs[1].tensor for op in linear}) == 1
    path = program.save(program.apply(tools.all_low(program)), tmp_path / "twice.pt2")
    weights = torch.export.load(path).state_dict.values()
    assert [w.shape for w in weights].count(torch.Size([8, 8])) == 1
