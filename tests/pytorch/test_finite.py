"""Finite in fp32 is finite in 16 bits, on rows that the calibration batch never had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.graph.pins import Pins
from narrowcast.runtime.search.limits.reasons import hard_pins

BF16, FP16 = Precision.BF16, Precision.FP16
LOWEST = torch.finfo(torch.float32).min
LOW = pytest.mark.parametrize("low", [BF16, FP16], ids=str)

Case = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Attention(nn.Module):
    """One head over (n, t, 16); `hidden` masks the scores where `keep` is 0."""

    def __init__(self, hidden: Case) -> None:
        super().__init__()
        self.hidden = hidden
        self.qkv, self.out = nn.Linear(16, 48), nn.Linear(16, 8)

    def forward(self, x: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        scores = self.hidden(3 * q @ k.mT, keep[:, None, :])
        return self.out(scores.softmax(-1) @ v)


def written(scale: float) -> dict[str, Case]:
    """Masks written as products, sums, quotients, fills, bounds and constants."""
    return {
        "product": lambda s, k: s + (1 - k) * scale,
        "product from the left": lambda s, k: scale * (1 - k) + s,
        "of a bool": lambda s, k: s + (k < 0.5) * scale,
        "difference": lambda s, k: s - (1 - k) * -scale,
        "scaled sum": lambda s, k: torch.add(s, (1 - k) * scale, alpha=1),
        "rsub": lambda s, k: s + torch.rsub(k * -scale, -scale) * -1,
        "quotient": lambda s, k: s + (1 - k) / (1 / scale if scale > -1e37 else -1e-37),
        "addcmul": lambda s, k: torch.addcmul(s, 1 - k, torch.ones(()), value=scale),
        "where": lambda s, k: s + torch.where(k > 0.5, 0.0, scale),
        "full": lambda s, k: torch.where(k > 0.5, s, torch.full_like(s, scale)),
        "new full": lambda s, k: s.where(k > 0.5, s.new_full((1,), scale)),
        "masked fill": lambda s, k: s.masked_fill(k < 0.5, scale) * 0.7,
        "filled, then moved": lambda s, k: s.masked_fill(k < 0.5, scale) - 20.0,
        "maximum": lambda s, k: (s + (1 - k) * 2 * scale).clamp(min=scale),
        "twice": lambda s, k: s + (1 - k) * scale / 2 + (1 - k) * scale / 2,
        "nan to num": lambda s, k: s + k.log().nan_to_num(neginf=scale),
        "lerp": lambda s, k: torch.lerp(s, torch.full_like(s, scale), 1 - k),
        "pow": lambda s, k: s - torch.pow(-scale, 1 - k),
        "log": lambda s, k: s + (k + 1e-45).log(),
        "bias": lambda s, k: torch.baddbmm((1 - k) * scale, s, s.mT * 1e-3),
    }


MASKS = [
    *((name, BF16, case) for name, case in written(LOWEST).items()),
    *((name, FP16, case) for name, case in written(-1e9).items()),
    *((f"lowest {k}", FP16, written(LOWEST)[k]) for k in ("product", "nan to num")),
]


def batch(blind: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Two rows of six tokens, the last two hidden; if `blind`, one row sees nothing."""
    generator = torch.Generator().manual_seed(1)
    keep = torch.ones(2, 6)
    keep[1, 4:] = 0
    if blind:
        keep[0] = 0
    return torch.randn(2, 6, 16, generator=generator), keep


@pytest.mark.parametrize(
    ("low", "case"), [m[1:] for m in MASKS], ids=[f"{m[0]}-{m[1]}" for m in MASKS]
)
def test_a_row_that_sees_nothing_is_finite(
    tools: Any, low: Precision, case: Case
) -> None:
    torch.manual_seed(0)
    model = Attention(case).eval()
    program = tools.trace(model, *batch(blind=False), low=low)
    held = hard_pins(program, low, Pins()).pins
    placement = {
        name: Precision.FP32 if name in held else each
        for name, each in tools.all_low(program, low).items()
    }
    converted = program.apply(placement)
    assert placement["qkv:linear:0"] == placement[":matmul:1"] == low
    with torch.no_grad():
        for blind in (False, True):
            found = converted(*batch(blind))
            expected = model(*batch(blind))
            assert bool(expected.isfinite().all())
            assert tools.error(expected, found) < 0.04


class Fused(nn.Module):
    """Two heads over (n, t, 16) under a float mask that `made` makes of `keep`."""

    def __init__(self, made: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.made = made
        self.qkv, self.out = nn.Linear(16, 48), nn.Linear(16, 8)

    def forward(self, x: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
        n, t, _ = x.shape
        heads = (3 * self.qkv(x)).view(n, t, 3, 2, 8).permute(2, 0, 3, 1, 4)
        q, k, v = heads[0], heads[1], heads[2]
        y = F.scaled_dot_product_attention(q, k, v, self.made(keep[:, None, None, :]))
        return self.out(y.transpose(1, 2).flatten(2))


def in_a_branch(keep: torch.Tensor) -> torch.Tensor:
    made: torch.Tensor = torch.cond(
        keep.sum() > -1, lambda k: (1 - k) * LOWEST, lambda k: k * 0.0, (keep,)
    )
    return made


SOURCES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "product": lambda keep: (1 - keep) * LOWEST,
    "1e9": lambda keep: (1 - keep) * -1e9,
    "filled": lambda keep: torch.zeros_like(keep).masked_fill(keep < 0.5, LOWEST),
    "infinite": lambda keep: torch.zeros_like(keep).masked_fill(keep < 0.5, -torch.inf),
    "branch": in_a_branch,
    "input": lambda mask: mask,
    "padded": lambda keep: F.pad(((1 - keep) * LOWEST)[..., :4], (0, 2), value=LOWEST),
}


@LOW
@pytest.mark.parametrize("form", ["", "bmm+softmax+bmm"])
@pytest.mark.parametrize("name", SOURCES)
def test_fused_attention_is_right_where_nothing_is_seen(
    tools: Any, name: str, form: str, low: Precision
) -> None:
    torch.manual_seed(0)
    model = Fused(SOURCES[name]).eval()
    seen, blind = batch(blind=False), batch(blind=True)
    if name == "input":
        seen, blind = ((x, (1 - keep) * LOWEST) for x, keep in (seen, blind))
    program = tools.trace(model, *seen, low=low)
    if form:
        program = program.with_forms({":scaled_dot_product_attention:0": form})
    placement = tools.all_low(program, low)
    assert placement[":scaled_dot_product_attention:0"] == low
    converted = program.apply(placement)
    with torch.no_grad():
        for inputs in (seen, blind):
            assert tools.error(model(*inputs), converted(*inputs)) < 0.04


class Divided(nn.Module):
    """Rows of a linear layer without bias, divided by what may be zero."""

    def __init__(self, divided: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.divided = divided
        self.first, self.last = nn.Linear(8, 8, bias=False), nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.divided(self.first(x)))


QUOTIENTS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "normalize": lambda y: F.normalize(y, dim=-1),
    "added": lambda y: y / (y.norm(dim=-1, keepdim=True) + 1e-12),
    "from the left": lambda y: y / (1e-12 + y.abs().sum(-1, keepdim=True)),
    "root": lambda y: y * torch.rsqrt(y.square().mean(-1, keepdim=True) + 1e-9),
    "reciprocal": lambda y: y * (y.norm(dim=-1, keepdim=True) + 1e-10).reciprocal(),
    "constant": lambda y: y / (y.norm(dim=-1, keepdim=True) + torch.tensor(1e-12)),
    "maximum": lambda y: y / torch.maximum(y.norm(dim=-1)[:, None], torch.tensor(1e-9)),
    "cosine": lambda y: y * F.cosine_similarity(y, 2 * y, dim=-1)[:, None],
    "logarithm": lambda y: y * (y.square().sum(-1, keepdim=True) + 1e-12).log(),
    "layer norm": lambda y: F.layer_norm(y, (8,), eps=1e-12),
    "rms norm": lambda y: F.rms_norm(y, (8,), eps=1e-12),
}


@pytest.mark.parametrize("name", QUOTIENTS)
def test_a_row_of_zeros_is_finite(tools: Any, name: str) -> None:
    """fp16 has nothing as small as the numbers that keep divisors from zero."""
    torch.manual_seed(0)
    model, x = Divided(QUOTIENTS[name]).eval(), torch.randn(3, 8)
    program = tools.trace(model, x, low=FP16)
    placement = tools.all_low(program, FP16)
    assert placement["first:linear:0"] == placement["last:linear:0"] == FP16
    converted = program.apply(placement)
    x[1] = 0
    with torch.no_grad():
        assert tools.error(model(x), converted(x)) < 0.02
