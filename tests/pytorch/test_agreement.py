"""A graph that computes something else than the model as loaded is never used."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch import nn

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks.pytorch.measuring.agreement import (
    check_agreement,
    first_divergence,
)


class Branches(nn.Module):
    """Takes another way while it is traced than when it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = self.fc(x)
        return x.relu(), y if torch.compiler.is_exporting() else -y


class Draws(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.randn_like(x)


class DrawsInPython(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * random.random()


class Samples(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.multinomial(x.softmax(-1), 50, replacement=True)


DIFFERS = {
    Branches: "Python code in forward() that depends on values",
    Draws: "gives another result each time",
    DrawsInPython: "gives another result each time",
    Samples: "gives another result each time",
}


@pytest.mark.parametrize("kind", DIFFERS, ids=lambda kind: kind.__name__)
def test_a_graph_that_differs_from_the_model_is_refused_with_its_cause(
    tools: Any, kind: type[nn.Module]
) -> None:
    with pytest.raises(ModelError) as caught:
        tools.trace(kind(), torch.randn(8, 4))
    assert "of the traced fp32 graph differs" in caught.value.message
    assert DIFFERS[kind] in caught.value.remedy


def test_the_output_that_differs_is_named(tools: Any) -> None:
    with pytest.raises(ModelError, match="output logits of the traced fp32 graph"):
        tools.trace(Branches(), torch.randn(8, 4), outputs=("hidden", "logits"))
    with pytest.raises(ModelError, match="output 1 of the traced fp32 graph"):
        tools.trace(Branches(), torch.randn(8, 4))


def test_integers_that_differ_are_counted(tools: Any) -> None:
    with pytest.raises(ModelError, match=r"differs .*: \d+ of 400 values"):
        tools.trace(Samples(), torch.randn(8, 4))


def test_outputs_must_be_as_many_as_the_spec_names(tools: Any) -> None:
    with pytest.raises(ModelError, match=r"has 1 outputs, model\.outputs names 2"):
        tools.trace(nn.ReLU(), torch.randn(8, 4), outputs=("a", "b"))


class Deep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)
        self.one, self.two = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.conv(x)).relu().mean((2, 3))
        return self.two(self.one(y).relu())


def test_preparation_diverges_nowhere_when_it_is_right(tools: Any) -> None:
    model, x = Deep(), torch.randn(2, 3, 6, 6)
    program = tools.trace(model, x)
    assert program.graph.ops[0].absorbed == ("norm:batch_norm:0",)
    assert first_divergence(program.prepared, (x,)) == ""


@pytest.mark.parametrize(
    ("op", "slot"), [("conv:conv2d:0", 1), ("one:linear:0", 0), ("two:linear:0", 2)]
)
def test_the_first_op_that_preparation_changed_is_named(
    tools: Any, op: str, slot: int
) -> None:
    """A pass that errs is played by an op whose input is scaled by hand."""
    model, x = Deep(), torch.randn(2, 3, 6, 6)
    program = tools.trace(model, x)
    graph = program.prepared.module.graph
    (node,) = (n for n in graph.nodes if n.name == program.graph.by_id[op].key)
    taken = node.all_input_nodes[slot]
    with graph.inserting_before(node):
        scaled = graph.call_function(torch.ops.aten.mul.Tensor, (taken, 1.01))
    node.replace_input_with(taken, scaled)
    program.prepared.module.recompile()
    assert first_divergence(program.prepared, (x,)) == op
    with pytest.raises(ModelError) as caught:
        check_agreement(model, program.prepared, (x,))
    assert f"Preparation changed it first at {op}" in caught.value.remedy
