"""Attention under masks of every form, in bf16 and fp16."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from narrowcast.runtime.graph.graph import Precision


class Attention(nn.Module):
    """Projections around a case; `keep` says which keys of each row are no padding."""

    def __init__(self, case: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self.case = case
        self.qkv, self.out = nn.Linear(16, 48), nn.Linear(16, 16)

    def forward(self, x: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
        batch, length, _ = x.shape
        heads = self.qkv(x).view(batch, length, 3, 2, 8).permute(2, 0, 3, 1, 4)
        q, k, v = heads[0], heads[1], heads[2]
        made = self.case(q, k, v, keep[:, None, None, :])
        return self.out(made.transpose(1, 2).reshape(batch, length, 16))


def sdpa_bool(q: Any, k: Any, v: Any, keep: Any) -> Any:
    return F.scaled_dot_product_attention(q, k, v, attn_mask=keep)


def sdpa_large(q: Any, k: Any, v: Any, keep: Any) -> Any:
    mask = (1.0 - keep.to(q.dtype)) * -1e9
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def sdpa_infinite(q: Any, k: Any, v: Any, keep: Any) -> Any:
    mask = torch.zeros(keep.shape).masked_fill(~keep, float("-inf"))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def sdpa_lowest(q: Any, k: Any, v: Any, keep: Any) -> Any:
    mask = (1.0 - keep.to(q.dtype)) * torch.finfo(q.dtype).min
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def sdpa_causal(q: Any, k: Any, v: Any, keep: Any) -> Any:
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def written_out(filled: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def case(q: Any, k: Any, v: Any, keep: Any) -> Any:
        return filled(q @ k.mT / 8**0.5, keep).softmax(-1) @ v

    case.__name__ = filled.__name__
    return case


@written_out
def scores_plus_large(scores: Any, keep: Any) -> Any:
    return scores + (1.0 - keep.to(scores.dtype)) * -1e9


@written_out
def scores_plus_infinite(scores: Any, keep: Any) -> Any:
    return scores + torch.zeros(keep.shape).masked_fill(~keep, float("-inf"))


@written_out
def scores_filled_with_large(scores: Any, keep: Any) -> Any:
    return scores.masked_fill(~keep, -1e9)


@written_out
def scores_filled_with_infinite(scores: Any, keep: Any) -> Any:
    return scores.masked_fill(~keep, float("-inf"))


@written_out
def scores_filled_with_lowest(scores: Any, keep: Any) -> Any:
    return scores.masked_fill(~keep, torch.finfo(scores.dtype).min)


FUSED = [sdpa_bool, sdpa_large, sdpa_infinite, sdpa_lowest, sdpa_causal]
WRITTEN_OUT = [
    scores_plus_large,
    scores_plus_infinite,
    scores_filled_with_large,
    scores_filled_with_infinite,
    scores_filled_with_lowest,
]
CASES = [
    *((case, Precision.BF16) for case in (*FUSED, *WRITTEN_OUT)),
    *((case, Precision.FP16) for case in FUSED),
]
HEAVY = {"linear", "matmul", "scaled_dot_product_attention"}


def batch(rows: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    keep = torch.ones(rows, length, dtype=torch.bool)
    keep[-1, length // 2 :] = False
    return torch.randn(rows, length, 16), keep


@pytest.mark.parametrize(
    ("case", "low"), CASES, ids=[f"{case.__name__}-{low}" for case, low in CASES]
)
def test_attention_is_low_and_finite_under_every_mask(
    tools: Any, case: Any, low: Precision, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = Attention(case).eval()
    shapes = [("batch", "length", 16), ("batch", "length")]
    program = tools.trace(model, *batch(2, 6), low=low, shapes=shapes)
    placement = tools.all_low(program, low)
    heavy = {op.id for op in program.graph.ops if op.type in HEAVY}
    assert len(heavy) >= 3
    if low is Precision.BF16:
        assert {placement[name] for name in heavy} == {low}
    path = program.save(program.apply(placement), tmp_path / "attention.pt2")
    loaded = torch.export.load(path).module()
    for size in ((2, 6), (3, 9)):
        inputs = batch(*size)
        found = loaded(*inputs)
        assert bool(found.isfinite().all())
        assert tools.error(tools.in_fp64(model, *inputs), found) < 0.03
