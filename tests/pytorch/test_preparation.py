"""What is folded, dropped and rewritten before placement, and what must not be."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from narrowcast.runtime.common.errors import ModelError

IMAGE = (2, 4, 6, 6)
SEQUENCE = (2, 4, 6)


def trained(norm: nn.Module) -> nn.Module:
    """Statistics and affine parameters as training leaves them."""
    norm.running_mean.normal_(0, 2)
    norm.running_var.uniform_(0.2, 3)
    if norm.affine:
        nn.init.normal_(norm.weight, 1, 0.5)
        nn.init.normal_(norm.bias)
    return norm


class Chain(nn.Module):
    """A layer, its batch norm, and a ReLU that works in place."""

    def __init__(self, layer: nn.Module, norm: nn.Module) -> None:
        super().__init__()
        self.layer, self.norm = layer, norm

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.norm(self.layer(x)), inplace=True)


def batch_norm(dimensions: int, channels: int = 6, **options: Any) -> nn.Module:
    kinds = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
    return trained(kinds[dimensions](channels, **options))


# Drawn once and always the same: a ReLU that lets nothing through would show nothing.
torch.manual_seed(1)

FOLDED = {
    "conv": (nn.Conv2d(4, 6, 3), batch_norm(2), IMAGE, "conv2d"),
    "no bias": (nn.Conv2d(4, 6, 3, bias=False), batch_norm(2), IMAGE, "conv2d"),
    "grouped": (nn.Conv2d(4, 6, 3, groups=2), batch_norm(2), IMAGE, "conv2d"),
    "not affine": (nn.Conv2d(4, 6, 3), batch_norm(2, affine=False), IMAGE, "conv2d"),
    "one dimension": (nn.Conv1d(4, 6, 3), batch_norm(1), SEQUENCE, "conv1d"),
    "three dimensions": (nn.Conv3d(4, 6, 2), batch_norm(3), (2, 4, 5, 5, 5), "conv3d"),
    "transposed": (
        nn.ConvTranspose2d(4, 6, 3, stride=2, output_padding=1),
        batch_norm(2),
        IMAGE,
        "conv_transpose2d",
    ),
    "transposed, as many in as out": (
        nn.ConvTranspose1d(4, 4, 3, bias=False),
        batch_norm(1, 4),
        SEQUENCE,
        "conv_transpose1d",
    ),
    "linear": (nn.Linear(4, 6), batch_norm(1), (5, 4), "linear"),
    "linear without bias": (
        nn.Linear(4, 6, bias=False),
        batch_norm(1),
        (5, 4),
        "linear",
    ),
}


@pytest.mark.parametrize("case", FOLDED)
def test_a_batch_norm_is_folded_into_what_feeds_it(tools: Any, case: str) -> None:
    layer, norm, shape, type_ = FOLDED[case]
    torch.manual_seed(1)
    model, x = Chain(layer, norm), torch.randn(shape)
    assert (tools.in_fp64(model, x) > 0).any()
    program = tools.trace(model, x)
    op, relu = program.graph.ops
    assert (op.id, relu.id) == (f"layer:{type_}:0", ":relu:0")
    assert op.absorbed == ("norm:batch_norm:0",)
    assert op.absorbed_types == ("batch_norm",)
    assert op.absorbed_scopes == ("norm",)
    assert {"norm", "norm:batch_norm:0", "layer"} < {*op.names}
    found = program.prepared.module(x)
    assert tools.error(tools.in_fp64(model, x), found) < 1e-6


def test_folding_leaves_the_users_weights_alone(tools: Any) -> None:
    model = Chain(nn.Conv2d(4, 6, 3), batch_norm(2))
    before = copy.deepcopy(model.state_dict())
    tools.trace(model, torch.randn(IMAGE))
    after = model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_a_weight_that_two_convolutions_share_is_folded_for_each(tools: Any) -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 6, 3)
            self.one, self.two = batch_norm(2), batch_norm(2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.one(self.conv(x)) - self.two(self.conv(x + 1)) * self.conv(x)

    model, x = Shared(), torch.randn(IMAGE)
    program = tools.trace(model, x)
    graph = program.graph
    convs = [op for op in graph.ops if op.type == "conv2d"]
    assert [op.absorbed for op in convs] == [
        ("one:batch_norm:0",),
        ("two:batch_norm:0",),
        (),
    ]
    assert len({op.inputs[1].tensor for op in convs}) == 3
    assert tools.error(tools.in_fp64(model, x), program.prepared.module(x)) < 1e-6


class TwoFeed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.norm = (
            nn.Conv2d(4, 6, 3),
            nn.Conv2d(4, 6, 3),
            batch_norm(2),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.a(x) + self.b(x))


class TwoRead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(4, 6, 3), batch_norm(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return self.norm(y) + y


class AcrossRows(nn.Module):
    """(n, 4, c): the norm's channels are the rows, not the linear layer's features."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm = nn.Linear(6, 4), batch_norm(1, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.layer(x))


def overflowing() -> nn.Module:
    """The layer's output is tiny and the norm blows it up: 1e20 · 1e34 / 1e-20."""
    model = Chain(nn.Conv2d(4, 6, 3, bias=False), batch_norm(2))
    with torch.no_grad():
        model.layer.weight.mul_(1e20)
        model.norm.weight.fill_(1e34)
    return model


def without_statistics() -> nn.Module:
    norm = nn.BatchNorm2d(6, track_running_stats=False)
    return Chain(nn.Conv2d(4, 6, 3), norm)


NOT_FOLDED = {
    "two layers feed it": (TwoFeed(), IMAGE),
    "the layer is read elsewhere": (TwoRead(), IMAGE),
    "its channels are another axis": (AcrossRows(), (2, 4, 6)),
    "it has no running statistics": (without_statistics(), IMAGE),
    "the folded weight would overflow": (overflowing(), IMAGE),
    "grouped and transposed": (
        Chain(nn.ConvTranspose2d(4, 6, 3, groups=2), batch_norm(2)),
        IMAGE,
    ),
}


@pytest.mark.parametrize("case", NOT_FOLDED)
def test_a_batch_norm_stays_where_folding_would_change_the_model(
    tools: Any, case: str
) -> None:
    model, shape = NOT_FOLDED[case]
    x = torch.randn(shape) * (1e-20 if "overflow" in case else 1)
    program = tools.trace(model, x)
    assert "batch_norm" in [op.type for op in program.graph.ops]
    assert not any(op.absorbed for op in program.graph.ops)
    assert tools.error(tools.in_fp64(model, x), program.prepared.module(x)) < 1e-6


class Calls(nn.Module):
    """A function of a layer's output, with buffers at hand."""

    def __init__(self, function: Any, **buffers: torch.Tensor) -> None:
        super().__init__()
        self.function, self.fc = function, nn.Linear(4, 4)
        for name, value in buffers.items():
            self.register_buffer(name, value)

    def forward(self, x: torch.Tensor) -> Any:
        return self.function(self, self.fc(x))


def types(tools: Any, function: Any, **buffers: torch.Tensor) -> list[str]:
    """Operator types of the traced model, after the layer; agreement is checked too."""
    model, x = Calls(function, **buffers), torch.randn(3, 4)
    program = tools.trace(model, x)
    with torch.no_grad():
        expected = model(x)
    assert tools.error(expected, program.prepared.module(x)) < 1e-6
    return [op.type for op in program.graph.ops][1:]


def test_arithmetic_on_buffers_is_done_once_offline(tools: Any) -> None:
    a, b = torch.randn(4, 4), torch.randn(4)
    found = types(
        tools, lambda m, y: y + (m.a @ m.b).exp() / 2 + torch.ones(4), a=a, b=b
    )
    assert found == ["add", "add"]


def test_a_small_buffer_is_not_expanded_into_a_large_one(tools: Any) -> None:
    def function(m: Any, y: torch.Tensor) -> torch.Tensor:
        return y + (m.a.expand(2**19, 4) * 2)[: y.shape[0]]

    program = tools.trace(Calls(function, a=torch.randn(4)), torch.randn(3, 4))
    constants = [t for t in program.graph.tensors.values() if t.constant]
    assert max(t.elements for t in constants) == 16
    assert ":expand:0" in [op.id for op in program.graph.ops]


IDENTITIES = {
    "dropout": lambda m, y: F.dropout(y, 0.5, False),
    "alpha dropout": lambda m, y: F.alpha_dropout(y, 0.5, False),
    "detach": lambda m, y: y.detach(),
    "cast to its own dtype": lambda m, y: (
        y.float().to(torch.float32).type_as(m.fc.weight)
    ),
    "copy": lambda m, y: y.clone(),
}


@pytest.mark.parametrize("case", IDENTITIES)
def test_what_returns_its_input_is_dropped(tools: Any, case: str) -> None:
    function = IDENTITIES[case]
    assert types(tools, lambda m, y: function(m, y).exp()) == ["exp"]


def test_a_copy_into_another_layout_stays(tools: Any) -> None:
    def function(m: Any, y: torch.Tensor) -> torch.Tensor:
        return y.t().clone(memory_format=torch.contiguous_format).view(-1)

    assert "clone" in types(tools, function)


def add_in_place(m: Any, y: torch.Tensor) -> torch.Tensor:
    z = y.exp()
    z += y
    return z.relu_()


def written_through_an_index(m: Any, y: torch.Tensor) -> torch.Tensor:
    z = y.exp()
    z[:, torch.tensor([0, 2])] = 1.5
    z[:, 1] = 0
    return z


def written_through_a_view(m: Any, y: torch.Tensor) -> torch.Tensor:
    z = y.exp()
    half = z.view(-1)[:2]
    half.mul_(3)
    return z


def read_after_writing(m: Any, y: torch.Tensor) -> torch.Tensor:
    before = y.exp()
    total = before.sum()
    before.sub_(total)
    return before * 2 + total


def both_names(m: Any, y: torch.Tensor) -> torch.Tensor:
    z = y.exp()
    same = z.add_(1)
    same.mul_(2)
    return z + same


def through_reshape(m: Any, y: torch.Tensor) -> torch.Tensor:
    z = y.exp()
    flat = z.reshape(-1)
    z.add_(1)
    return flat * 2


def narrowed(m: Any, y: torch.Tensor) -> torch.Tensor:
    return y.half().exp().add_(y).float()


IN_PLACE = {
    add_in_place: ["exp", "add", "relu"],
    written_through_an_index: None,
    written_through_a_view: None,
    read_after_writing: ["exp", "sum", "sub", "mul", "add"],
    both_names: ["exp", "add", "mul", "add"],
    through_reshape: None,
    narrowed: None,
}


@pytest.mark.parametrize("function", IN_PLACE, ids=lambda f: f.__name__)
def test_ops_in_place_compute_the_same_out_of_place(tools: Any, function: Any) -> None:
    found = types(tools, function)
    assert IN_PLACE[function] in (None, found)


def test_only_a_model_that_writes_in_place_is_functionalised(tools: Any) -> None:
    def aside(m: Any, y: torch.Tensor) -> torch.Tensor:
        return y.reshape(-1, 2, 2).chunk(2, -1)[0].flatten(1)

    assert types(tools, aside) == ["reshape", "chunk", "flatten"]
    # torch's own functionalisation calls them view, split and view.


def adds_to_buffer(m: Any, y: torch.Tensor) -> torch.Tensor:
    m.count.add_(1)
    return y + m.count


def assigns_buffer(m: Any, y: torch.Tensor) -> torch.Tensor:
    m.count = m.count + 1
    return y + m.count


@pytest.mark.parametrize("function", [adds_to_buffer, assigns_buffer])
def test_a_buffer_that_changes_is_not_folded(tools: Any, function: Any) -> None:
    model = Calls(function, count=torch.zeros(4))
    program = tools.trace(model, torch.randn(3, 4))
    assert not program.graph.tensors["count"].constant
    converted = program.apply(tools.all_fp32(program))
    first, second = (converted(torch.zeros(3, 4)) for _ in range(2))
    assert torch.allclose(second - first, torch.ones(3, 4))
    assert float(model.count.sum()) == 0


def test_an_input_that_changes_is_refused_by_name(tools: Any) -> None:
    class Writes(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image.add_(1) * 2

    with pytest.raises(ModelError, match="the model changes its input image while"):
        tools.trace(Writes(), torch.randn(3, 4))


def test_convolution_weights_lie_in_channels_last(tools: Any) -> None:
    class Views(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(288, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.conv(x).relu()
            return self.fc(y.view(y.shape[0], -1))

    model, x = Views(), torch.randn(2, 3, 6, 6)
    program = tools.trace(model, x)
    converted = program.apply(tools.all_low(program))
    (weight,) = (w for w in converted.state_dict().values() if w.dim() == 4)
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not weight.is_contiguous()
    assert tools.error(tools.in_fp64(model, x), converted(x)) < 0.02
