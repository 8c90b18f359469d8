"""Models that torch.export takes in no form: what is said, and that the remedy works."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.graph.graph import Precision


def refused(model: nn.Module, *inputs: tuple[str, torch.Tensor]) -> ModelError:
    declared = [
        Input(name, ("batch", *value.shape[1:]), str(value.dtype)[len("torch.") :])
        for name, value in inputs
    ]
    batch = tuple(value for _name, value in inputs)
    with pytest.raises(ModelError) as caught:
        pytorch.trace(model.eval(), batch, low=Precision.BF16, inputs=declared)
    return caught.value


class Packed(nn.Module):
    """A recurrent layer over (batch, 5, 8), as long as `lengths` say."""

    def __init__(self, layer: type[nn.RNNBase], packs: bool = True) -> None:
        super().__init__()
        self.layer, self.packs = layer(8, 8, batch_first=True), packs

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> Any:
        if not self.packs:
            return self.layer(x)[0]
        packed = pack_padded_sequence(x, lengths, True, enforce_sorted=False)
        return pad_packed_sequence(self.layer(packed)[0], True)[0]


@pytest.mark.parametrize("layer", [nn.LSTM, nn.GRU, nn.RNN])
def test_a_packed_sequence_is_named_and_the_remedy_holds(layer: Any) -> None:
    torch.manual_seed(0)
    x, lengths = torch.randn(3, 5, 8), torch.tensor([5, 3, 2])
    model = Packed(layer)
    error = refused(model, ("x", x), ("lengths", lengths))
    assert "pack_padded_sequence" in error.message
    assert "padded batch itself" in error.remedy
    with torch.no_grad():
        packed, model.packs = model(x, lengths), False
        plain = model(x, lengths)
    for row, length in enumerate([5, 3, 2]):
        torch.testing.assert_close(plain[row, :length], packed[row, :length])


class Cache:
    """As generation keeps it: no container that torch.export knows."""

    def __init__(self, keys: torch.Tensor) -> None:
        self.keys = keys


class Result:
    """Some other class."""

    def __init__(self, logits: torch.Tensor) -> None:
        self.logits = logits


@pytest.mark.parametrize(
    ("made", "remedy"),
    [(Cache, "model.config.use_cache = False"), (Result, "Return tensors, or tuples")],
)
def test_an_output_of_an_unknown_class_is_named(made: Any, remedy: str) -> None:
    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> Any:
            return x * 2, made(x)

    error = refused(Net(), ("x", torch.randn(3, 4)))
    assert made.__name__ in error.message
    assert remedy in error.remedy
    assert "NumPy" not in error.remedy


@torch.library.custom_op("narrowcast_test::shapeless", mutates_args=())
def shapeless(x: torch.Tensor) -> torch.Tensor:
    return x * 2


def test_an_operator_without_shapes_is_named() -> None:
    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            made: torch.Tensor = shapeless(x)
            return made

    error = refused(Net(), ("x", torch.randn(3, 4)))
    assert "narrowcast_test::shapeless has no kernel for shapes" in error.message
    assert "register_fake" in error.remedy


class Encoder(nn.Module):
    def __init__(self, **options: Any) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, **options)

    def forward(self, x: torch.Tensor, padding: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.encoder(x, src_key_padding_mask=padding)
        return out


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_the_fast_path_is_blamed_for_its_zeros_and_the_remedy_holds(tools: Any) -> None:
    torch.manual_seed(0)
    x, padding = torch.randn(3, 6, 16), torch.zeros(3, 6, dtype=torch.bool)
    padding[1, 4:] = True
    error = refused(Encoder(), ("x", x), ("padding", padding))
    assert "fast path of nn.TransformerEncoder writes zeros" in error.remedy
    assert "enable_nested_tensor=False" in error.remedy
    assert torch.backends.mha.get_fastpath_enabled()
    model = Encoder(enable_nested_tensor=False).eval()
    program = tools.trace(model, x, padding)
    with torch.no_grad():
        found = program.apply(tools.all_low(program))(x, padding)
        assert tools.error(model(x, padding), found) < 0.02


FAILING: dict[str, tuple[Any, str]] = {
    "size": (lambda m, x: m.layer(x[:, :2]), "shapes cannot be multiplied"),
    "values": (lambda m, x: m.table(x.long() + 9), "IndexError: index out of range"),
    "dtype": (lambda m, x: m.layer(x.double()), "must have the same dtype"),
    "nothing": (lambda m, x: None, "returns NoneType, in which there is no tensor"),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_model_that_fails_by_itself_is_told_in_torchs_own_words(name: str) -> None:
    forward, reason = FAILING[name]

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.table = nn.Linear(4, 4), nn.Embedding(3, 4)

        def forward(self, x: torch.Tensor) -> Any:
            return forward(self, x)

    error = refused(Net(), ("x", torch.rand(3, 4)))
    assert reason in error.message
    assert "dataset" not in error.message + error.remedy
    assert "NumPy" not in error.remedy
    if name != "nothing":
        assert "the model as loaded fails on x float32 (3, 4)" in error.message


def test_a_missing_argument_is_named() -> None:
    class Net(nn.Module):
        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return a + b

    error = refused(Net(), ("x", torch.rand(3, 4)))
    assert "does not fit Net.forward(): missing a required argument: 'b'" in (
        error.message
    )
