"""FLOPs against numbers worked out by hand: two per multiply-add."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F


class Calls(nn.Module):
    def __init__(self, function: Any, module: nn.Module | None = None) -> None:
        super().__init__()
        self.function, self.module = function, module

    def forward(self, *inputs: torch.Tensor) -> Any:
        if self.module is None:
            return self.function(*inputs)
        return self.function(self.module(*inputs))


def of(module: nn.Module) -> nn.Module:
    return Calls(lambda outputs: outputs, module)


def first(module: nn.Module) -> nn.Module:
    return Calls(lambda outputs: outputs[0], module)


IMAGE = (2, 8, 10, 10)

CASES = {
    "linear": (of(nn.Linear(8, 5)), [(3, 8)], 2 * 3 * 8 * 5),
    "linear on a sequence": (of(nn.Linear(8, 5)), [(3, 7, 8)], 2 * 3 * 7 * 8 * 5),
    "conv": (
        of(nn.Conv2d(8, 6, 3)),
        [IMAGE],
        2 * 2 * 6 * 8 * 8 * (8 * 3 * 3),
    ),
    "conv with stride and padding": (
        of(nn.Conv2d(8, 6, 3, stride=2, padding=1)),
        [IMAGE],
        2 * 2 * 6 * 5 * 5 * (8 * 3 * 3),
    ),
    "grouped conv": (
        of(nn.Conv2d(8, 6, 3, groups=2)),
        [IMAGE],
        2 * 2 * 6 * 8 * 8 * (4 * 3 * 3),
    ),
    "depthwise conv": (
        of(nn.Conv2d(8, 8, 3, groups=8)),
        [IMAGE],
        2 * 2 * 8 * 8 * 8 * (1 * 3 * 3),
    ),
    "conv in one dimension": (
        of(nn.Conv1d(4, 6, 5)),
        [(3, 4, 20)],
        2 * 3 * 6 * 16 * (4 * 5),
    ),
    "transposed conv": (
        of(nn.ConvTranspose2d(8, 6, 2, stride=2)),
        [IMAGE],
        2 * 2 * 10 * 10 * 8 * (6 * 2 * 2),
    ),
    "matmul": (Calls(torch.matmul), [(2, 3, 4, 5), (2, 3, 5, 6)], 2 * 6 * 4 * 5 * 6),
    "matmul that broadcasts": (
        Calls(torch.matmul),
        [(2, 4, 5), (5, 6)],
        2 * 2 * 4 * 5 * 6,
    ),
    "baddbmm": (
        Calls(torch.baddbmm),
        [(2, 3, 5), (2, 3, 4), (2, 4, 5)],
        2 * 2 * 3 * 4 * 5,
    ),
    "einsum": (
        Calls(lambda a, b: torch.einsum("bhid,bhjd->bhij", a, b)),
        [(2, 3, 5, 4), (2, 3, 6, 4)],
        2 * 6 * 5 * 6 * 4,
    ),
    "attention": (
        Calls(F.scaled_dot_product_attention),
        [(2, 3, 5, 8), (2, 3, 7, 8), (2, 3, 7, 8)],
        2 * 6 * 5 * 7 * (8 + 8),
    ),
    "lstm": (
        first(nn.LSTM(4, 6)),
        [(5, 3, 4)],
        2 * 5 * 3 * (4 * 6) * (4 + 6),
    ),
    "lstm, both ways, two layers": (
        first(nn.LSTM(4, 6, num_layers=2, bidirectional=True, batch_first=True)),
        [(3, 5, 4)],
        2 * 5 * 3 * 2 * (4 * 6) * ((4 + 6) + (12 + 6)),
    ),
    "gru": (first(nn.GRU(4, 6)), [(5, 3, 4)], 2 * 5 * 3 * (3 * 6) * (4 + 6)),
    "rnn": (first(nn.RNN(4, 6)), [(5, 3, 4)], 2 * 5 * 3 * 6 * (4 + 6)),
}


PARTS = {
    "lstm, both ways, two layers": [
        2 * 5 * 3 * (4 * 6) * width for width in (10, 10, 18, 18)
    ],
}
"""What is several ops: one for each layer and direction."""


@pytest.mark.parametrize("case", CASES)
def test_the_flops_of_a_contraction(tools: Any, case: str) -> None:
    model, shapes, expected = CASES[case]
    batch = [torch.randn(shape) for shape in shapes]
    graph = tools.trace(model, *batch, shapes=shapes).graph
    assert graph.flops == expected
    parts = [op.flops for op in graph.ops if op.kind == "compute"]
    assert parts == PARTS.get(case, [expected])


def test_pointwise_ops_count_their_elements_and_movers_nothing(tools: Any) -> None:
    model = Calls(lambda x: (x.exp() + x).transpose(1, 2).relu().sum(-1))
    ops = tools.trace(model, torch.randn(2, 3, 5)).graph.ops
    found = {op.type: op.flops for op in ops}
    assert found == {"exp": 30, "add": 30, "transpose": 0, "relu": 0, "sum": 10}


def test_a_folded_batch_norm_costs_nothing(tools: Any) -> None:
    layers = nn.Sequential(nn.Conv2d(8, 6, 3), nn.BatchNorm2d(6))
    graph = tools.trace(layers, torch.randn(IMAGE)).graph
    assert graph.flops == 2 * 2 * 6 * 8 * 8 * (8 * 3 * 3)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda x: torch.matmul(x, x[0]), 2 * 8 * 8),
        (lambda x: torch.mv(x, x[0]), 2 * 8 * 8),
        (lambda x: torch.dot(x[0], x[1]), 2 * 8),
        (lambda x: torch.outer(x[0], x[1]), 2 * 8 * 8),
    ],
    ids=["matmul", "mv", "dot", "outer"],
)
def test_products_with_vectors_count(tools: Any, call: Any, expected: int) -> None:
    program = tools.trace(Calls(call), torch.randn(8, 8), shapes=[(8, 8)])
    (op,) = (op for op in program.graph.ops if op.kind == "compute")
    assert op.flops == expected


def test_every_branch_counts_as_if_it_ran(tools: Any) -> None:
    class Branch(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.inner = nn.Linear(8, 8), nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> Any:
            y = self.first(x)
            return torch.cond(
                y.sum() > 0, self.inner, lambda v: self.inner(v * 2), (y,)
            )

    graph = tools.trace(Branch(), torch.randn(4, 8), shapes=[(4, 8)]).graph
    once = 2 * 4 * 8 * 8
    assert {op.id: op.flops for op in graph.ops if op.kind == "compute"} == {
        "first:linear:0": once,
        ":cond:0/true/inner:linear:0": once,
        ":cond:0/false/inner:linear:0": once,
    }
