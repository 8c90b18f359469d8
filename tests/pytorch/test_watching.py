"""A function that scores a model shows what the model is called with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from narrowcast import MixedPrecision
from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks import pytorch


class Masked(nn.Module):
    """Two arguments of which one may be left out."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(8, 16)
        self.head = nn.Linear(16, 3)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> Any:
        hidden = torch.relu(self.inner(x))
        if mask is not None:
            hidden = hidden * mask[..., None]
        return self.head(hidden).mean(1)


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return Masked().eval()


def test_calls_are_seen_by_argument(model: nn.Module) -> None:
    with pytorch.watched(model) as calls:
        for length in (5, 7):
            model(torch.zeros(4, length, 8), mask=torch.ones(4, length))
        model(torch.zeros(2, 5, 8))
    model(torch.zeros(1, 1, 8))
    assert list(calls.first) == ["x", "mask"]
    assert calls.first["mask"].shape == (4, 5)
    assert calls.shapes == [((4, 5, 8), (4, 5)), ((4, 7, 8), (4, 7))]


def test_inputs_are_what_the_function_calls_it_with(
    model: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORCE_BF16", "1")
    batches = [torch.randn(4, length, 8) for length in (5, 7)]
    with torch.no_grad():
        wanted = [model(x, torch.ones(x.shape[:2])) for x in batches]

    def near(given: nn.Module) -> float:
        with torch.no_grad():
            found = [given(x, torch.ones(x.shape[:2])) for x in batches]
        pairs = zip(found, wanted, strict=True)
        return 1 - max(float((a - b).abs().max()) for a, b in pairs)

    converter = MixedPrecision()
    converter.model = model
    converter.precisions = "bf16"
    converter.eval_func = near
    result = converter()
    assert result
    assert result.report.flops_low == result.report.flops > 0
    other = torch.randn(3, 9, 8)
    assert result.model(other, torch.ones(3, 9)).shape == (3, 3)


def test_a_function_that_calls_nothing_shows_nothing(
    model: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORCE_BF16", "1")
    converter = MixedPrecision()
    converter.model = model
    converter.eval_func = lambda given: 0.5
    with pytest.raises(ModelError, match="nothing says which shapes Masked") as caught:
        converter()
    assert "{name: x, shape: [batch, ...], dtype: float32}" in caught.value.remedy
    assert "an eval_func that calls the model" in caught.value.remedy
