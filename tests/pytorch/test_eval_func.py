"""A function of the user's that scores modules, as PyTorch's users write them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from narrowcast import MixedPrecision
from narrowcast.runtime.common.errors import MetricError

X = torch.randn(64, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """bf16 is forced where the CPU lacks it."""
    monkeypatch.setenv("FORCE_BF16", "1")
    monkeypatch.chdir(tmp_path)


def converter(eval_func: Any) -> MixedPrecision:
    torch.manual_seed(0)
    layers = nn.Linear(16, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 4)
    made = MixedPrecision({"tuning": {"exit_policy": {"max_trials": 4}}})
    made.precisions, made.model = "bf16", nn.Sequential(*layers).eval()
    made.eval_dataloader = [(X.numpy(), X[:, 0].numpy())]
    made.eval_func = eval_func
    return made


def test_every_model_may_be_told_to_evaluate() -> None:
    """As loaded, as a trial, and as it was saved."""
    seen: list[Any] = []

    def eval_func(model: nn.Module) -> torch.Tensor:
        model.eval()
        with torch.no_grad():
            seen.append(model(X))
        return (seen[-1].argmax(-1) == seen[0].argmax(-1)).float().mean()

    result = converter(eval_func)()
    assert result
    assert result.report.judgement.baseline.value == 1
    loaded, trial, saved = seen
    assert loaded.dtype == saved.dtype == torch.float32
    assert torch.equal(trial, saved)
    assert 0 < (loaded - saved).norm() / loaded.norm() < 0.05


@pytest.mark.parametrize("kind", ["falling", "rising"])
def test_whatever_it_says_the_search_ends(kind: str) -> None:
    def scores() -> Iterator[float]:
        yield from (0.9 - 0.1 * k * (1 if kind == "falling" else -1) for k in range(9))

    said = scores()
    result = converter(lambda model: [next(said)])()
    assert bool(result) is (kind == "rising")
    assert result.report.trials <= 4


def test_what_it_raises_is_told_with_its_place() -> None:
    def eval_func(model: nn.Module) -> float:
        raise KeyError("labels")

    with pytest.raises(
        MetricError, match=r"failed at test_eval_func\.py:\d+: KeyError"
    ):
        converter(eval_func)()
