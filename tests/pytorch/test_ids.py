"""Ops are called what users know, and an edit elsewhere leaves the names alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from narrowcast.runtime.graph.graph import Kind, Slot


def ids(program: Any) -> list[str]:
    return [op.id for op in program.graph.ops]


class Block(nn.Module):
    def __init__(self, inplace: bool = False, extra: bool = False) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.extra = nn.Sequential(nn.Conv2d(8, 8, 1), nn.ReLU()) if extra else None
        self.body = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(inplace))
        self.head = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.stem(x))
        if self.extra is not None:
            x = self.extra(x)
        x = F.relu(x + self.body(x))
        return self.head(x.mean((2, 3)).reshape(-1, 8)).chunk(2, -1)[0]


BLOCK = [
    "stem:conv2d:0",
    ":relu:0",
    "body.0:conv2d:0",
    "body.1:relu:0",
    ":add:0",
    ":relu:1",
    ":mean:0",
    ":reshape:0",
    "head:linear:0",
    ":chunk:0",
]


def test_an_id_is_module_path_operator_and_count_within_the_path(tools: Any) -> None:
    assert ids(tools.trace(Block(), torch.randn(2, 3, 6, 6))) == BLOCK


def test_a_layer_inserted_elsewhere_leaves_all_ids_alone(tools: Any) -> None:
    found = ids(tools.trace(Block(extra=True), torch.randn(2, 3, 6, 6)))
    assert [name for name in found if not name.startswith("extra")] == BLOCK
    assert [name for name in found if name not in BLOCK] == [
        "extra.0:conv2d:0",
        "extra.1:relu:0",
    ]


def test_a_layer_that_works_in_place_leaves_all_ids_alone(tools: Any) -> None:
    assert ids(tools.trace(Block(inplace=True), torch.randn(2, 3, 6, 6))) == BLOCK


def test_a_module_called_twice_has_one_path_and_one_weight(tools: Any) -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(self.fc(x).relu())

    graph = tools.trace(Twice(), torch.randn(2, 4)).graph
    first, _relu, second = graph.ops
    assert (first.id, second.id) == ("fc:linear:0", "fc:linear:1")
    assert first.scope == second.scope == "fc"
    assert first.inputs[1:] == second.inputs[1:] == (Slot("fc.weight"), Slot("fc.bias"))


def test_the_fingerprint_survives_new_weights_and_another_batch_size(
    tools: Any,
) -> None:
    first = tools.trace(Block(), torch.randn(2, 3, 6, 6)).graph.fingerprint()
    assert tools.trace(Block(), torch.randn(5, 3, 6, 6)).graph.fingerprint() == first
    edited = tools.trace(Block(extra=True), torch.randn(2, 3, 6, 6)).graph
    assert edited.fingerprint() != first


KINDS = {
    "linear": (lambda x: F.linear(x, torch.ones(4, 4)), Kind.COMPUTE),
    "matmul": (lambda x: x @ x.mT, Kind.COMPUTE),
    "einsum": (lambda x: torch.einsum("bij,bkj->bik", x, x), Kind.COMPUTE),
    "softmax": (lambda x: x.softmax(-1), Kind.POINTWISE),
    "layer_norm": (lambda x: F.layer_norm(x, (4,)), Kind.POINTWISE),
    "exp": (lambda x: x.exp(), Kind.POINTWISE),
    "sum": (lambda x: x.sum(-1), Kind.POINTWISE),
    "relu": (lambda x: x.relu(), Kind.MOVER),
    "transpose": (lambda x: x.transpose(1, 2), Kind.MOVER),
    "cat": (lambda x: torch.cat([x, x], 1), Kind.MOVER),
    "topk": (lambda x: x.topk(2)[0], Kind.MOVER),
    "argmax": (lambda x: x.argmax(-1), Kind.FIXED),
    "gt": (lambda x: x > 0, Kind.FIXED),
    "to": (lambda x: x.double(), Kind.FIXED),
}


class Calls(nn.Module):
    """A function as a module."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.function(*inputs)


@pytest.mark.parametrize("type_", KINDS)
def test_the_kind_of_an_op_is_what_it_does_to_values(tools: Any, type_: str) -> None:
    function, kind = KINDS[type_]
    graph = tools.trace(Calls(function), torch.randn(2, 4, 4)).graph
    assert {op.type: op.kind for op in graph.ops}[type_] is kind


def test_slots_with_a_dtype_of_their_own_are_fixed(tools: Any) -> None:
    class Norms(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bn = nn.BatchNorm1d(4)
            self.inorm = nn.InstanceNorm1d(4, affine=True, track_running_stats=True)
            self.emb = nn.Embedding(9, 4)

        def forward(self, x: torch.Tensor, i: torch.Tensor) -> torch.Tensor:
            x = self.inorm(self.bn(x.relu()))
            return torch.where(i > 3, x.sum(-1), self.emb(i)[..., 0])

    program = tools.trace(
        Norms(), torch.randn(2, 4, 4), torch.ones(2, 4, dtype=torch.int64)
    )
    castable = {
        op.type: [slot.castable for slot in op.inputs] for op in program.graph.ops
    }
    assert castable["batch_norm"] == [True, False, False, False, False]
    assert castable["instance_norm"] == [True, True, True, False, False]
    table, indices = program.graph.by_id["emb:embedding:0"].inputs
    assert program.graph.tensors[table.tensor].floating
    assert not program.graph.tensors[indices.tensor].floating


def test_an_input_and_a_buffer_of_one_name_are_two_tensors(tools: Any) -> None:
    class Shadow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("x", torch.randn(4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.x

    graph = tools.trace(Shadow(), torch.randn(2, 4)).graph
    (add,) = graph.ops
    names = [slot.tensor for slot in add.inputs]
    assert len(set(names)) == 2
    assert [graph.tensors[name].constant for name in names] == [False, True]
    assert graph.inputs == (names[0],)
