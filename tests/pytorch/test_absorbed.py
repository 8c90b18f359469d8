"""Whatever preparation removes, a pin on its name holds a neighbour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from narrowcast.runtime.common.errors import UsageError
from narrowcast.runtime.graph.pins import Pins, user_pins


class Block(nn.Module):
    """A function of a linear layer's output, in a module of its own."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.inner = Inner(function)
        self.fc = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> Any:
        return self.inner(self.fc(x))


class Inner(nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function
        self.register_buffer("weight", torch.eye(4) * 2)

    def forward(self, y: torch.Tensor) -> Any:
        return self.function(self.weight, y)


@dataclass(frozen=True)
class Case:
    """A function, the id and type of an op that goes, and what a pin on it holds."""

    function: Callable[[torch.Tensor, torch.Tensor], Any]
    name: str
    type: str
    holds: str = "fc:linear:0"


CASES = {
    "dropout": Case(lambda w, y: F.dropout(y, 0.5, False).exp(), "dropout", "Dropout"),
    "alpha dropout": Case(
        lambda w, y: F.alpha_dropout(y, 0.5, False).exp(),
        "alpha_dropout",
        "AlphaDropout",
    ),
    "detach": Case(lambda w, y: y.detach().exp(), "detach", "detach"),
    "copy": Case(lambda w, y: y.clone().exp(), "clone", "clone"),
    "cast to its own dtype": Case(
        lambda w, y: y.type_as(w).exp(), "type_as", "type_as"
    ),
    "slice of everything": Case(lambda w, y: y[:].exp(), "slice", "slice"),
    "padding by nothing": Case(lambda w, y: F.pad(y, (0, 0)).exp(), "pad", "pad"),
    "several in turn": Case(
        lambda w, y: F.dropout(y.clone(), 0.5, False).exp(), "dropout", "dropout"
    ),
    "folded constant": Case(lambda w, y: y @ w.t().exp(), "t", "t", "inner:matmul:0"),
    "a mask that hides nothing": Case(
        lambda w, y: F.scaled_dot_product_attention(
            *[y.reshape(1, 1, -1, 4)] * 3, torch.ones(1, 1, 1, 1, dtype=torch.bool)
        ),
        "ones",
        "ones",
        "inner:scaled_dot_product_attention:0",
    ),
    "gelu": Case(
        lambda w, y: 0.5 * y * (1 + torch.tanh(0.7978845608 * (y + 0.044715 * y**3))),
        "tanh",
        "tanh",
        "inner:gelu:0",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_pin_on_what_is_gone_holds_its_neighbour(tools: Any, case: str) -> None:
    wanted = CASES[case]
    graph = tools.trace(Block(wanted.function), torch.randn(3, 4)).graph
    gone = f"inner:{wanted.name}:0"
    assert gone not in graph.by_id
    for pins in (Pins(names={gone: "op"}), Pins(types={wanted.type: "type"})):
        assert set(user_pins(graph, pins)) == {wanted.holds}


def test_a_module_that_is_gone_is_known_by_its_path(tools: Any) -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Flatten(), nn.ReLU()
    )
    graph = tools.trace(model, torch.randn(2, 3, 5, 5)).graph
    for path in ("1", "2"):
        held = user_pins(graph, Pins(names={path: "op_wise"}))
        assert set(held) == {"0:conv2d:0"}, "dropped after the norm, which is folded"


def test_what_nothing_feeds_is_part_of_all_that_read_it(tools: Any) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.drop, self.a, self.b = nn.Dropout(), nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.drop(x)
            return self.a(x) - self.b(x)

    graph = tools.trace(Model(), torch.randn(3, 4)).graph
    held = user_pins(graph, Pins(names={"drop": "op_wise"}))
    assert set(held) == {"a:linear:0", "b:linear:0"}


def test_a_pin_on_what_has_no_neighbour_holds_nothing(tools: Any) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.drop, self.fc = nn.Dropout(), nn.Linear(4, 4)

        def forward(self, x: torch.Tensor, z: torch.Tensor) -> Any:
            return self.fc(x), self.drop(z)

    graph = tools.trace(Model(), torch.randn(3, 4), torch.randn(3, 4)).graph
    assert [op.id for op in graph.dropped] == ["drop:dropout:0"]
    for pins in (Pins(names={"drop": "op_wise"}), Pins(types={"Dropout": "type"})):
        assert user_pins(graph, pins) == {}


def test_padding_is_part_of_the_convolution_that_pads(tools: Any) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pad, self.conv = nn.ZeroPad2d(1), nn.Conv2d(3, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(self.pad(x.relu()))

    graph = tools.trace(Model(), torch.randn(2, 3, 5, 5)).graph
    assert set(user_pins(graph, Pins(names={"pad": "op_wise"}))) == {"conv:conv2d:0"}


def test_what_goes_in_a_branch_stays_in_it(tools: Any) -> None:
    class Model(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            def double(y: torch.Tensor) -> torch.Tensor:
                return y.exp() * torch.ones(4).neg()

            def same(y: torch.Tensor) -> torch.Tensor:
                return y.sin()

            return torch.cond(x.sum() > 0, double, same, (x,))

    graph = tools.trace(Model(), torch.randn(3, 4)).graph
    held = user_pins(graph, Pins(types={"neg": "optype_wise"}))
    assert set(held) == {":cond:0/true/:mul:0"}


def test_a_pin_on_what_torch_leaves_out_is_understood(tools: Any) -> None:
    """Modules that return what they are given, or are not called, have no op there."""
    model = Skipping()
    graph = tools.trace(model, torch.randn(3, 4)).graph
    for name in ("same", "drop_path", "nothing", "unused", "unused.0"):
        assert user_pins(graph, Pins(names={name: "op_wise"})) == {}
    for type_ in ("Identity", "DropPath"):
        assert user_pins(graph, Pins(types={type_: "optype_wise"})) == {}
    assert list(user_pins(graph, Pins(names={"fc": "op_wise"}))) == ["fc:linear:0"]
    with pytest.raises(UsageError):  # the ops of `fc` are its own
        user_pins(graph, Pins(names={"twin": "op_wise"}))


class DropPath(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


class Skipping(nn.Module):
    """A layer, modules that leave no op, and the layer once more by another name."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.same = nn.Linear(4, 4), nn.Identity()
        self.drop_path, self.nothing = DropPath(), nn.Sequential()
        self.unused = nn.Sequential(nn.Linear(4, 4))
        self.twin = self.fc

    def forward(self, x: torch.Tensor) -> Any:
        return self.nothing(self.drop_path(self.same(self.fc(x))))
