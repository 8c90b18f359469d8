"""The range pass on PyTorch models: statistics, masks, and models that need no pin."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch import nn
from torch._higher_order_ops.while_loop import while_loop
from torch.nn import functional as F

from narrowcast.runtime.common.telling.progress import Terminal
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import Watch, evaluate
from narrowcast.runtime.evaluation.metrics.mse import MSE
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.pytorch.measuring.statistics import describe
from narrowcast.runtime.graph.formats import LIMITS
from narrowcast.runtime.graph.graph import Placement, Precision
from narrowcast.runtime.graph.pins import Pins, Why
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search import Budget, search
from narrowcast.runtime.search.limits.reasons import hard_pins

BF16, FP16, FP32 = Precision.BF16, Precision.FP16, Precision.FP32
DTYPES = {BF16: torch.bfloat16, FP16: torch.float16}
LOW = pytest.mark.parametrize("low", [BF16, FP16])

VALUES = st.one_of(
    st.floats(width=32),
    st.integers(0, 2**20).map(float),
    st.sampled_from([65504.0, 65520.0, 65519.996, 2.0**-25, 3e-8, 3.39e38, 3.4e38]),
)


@LOW
@settings(deadline=None)
@given(values=arrays.arrays(np.float32, st.integers(0, 12), elements=VALUES))
def test_statistics_are_those_of_the_cast(low: Precision, values: Any) -> None:
    found = describe(torch.from_numpy(values), low)
    narrow = torch.from_numpy(values).to(DTYPES[low]).float().numpy()
    finite = np.isfinite(values)
    kept = np.abs(values[finite])
    assert found.largest == (kept.max() if kept.size else 0)
    overflow = np.isinf(narrow[finite])
    assert found.overflow == pytest.approx(overflow.mean() if kept.size else 0)
    nonzero = values[values != 0]
    flushed = (narrow[values != 0] == 0).mean() if nonzero.size else 0
    assert found.flushed == pytest.approx(flushed)
    whole = kept.size and (kept == np.trunc(kept)).all() and not overflow.any()
    changed = (narrow[finite] != values[finite]).mean() if whole else 0
    assert found.inexact == pytest.approx(changed)


def pins(traced: Any, low: Precision) -> dict[str, str]:
    """What the range pass pins, with its reasons."""
    held = hard_pins(traced, low, Pins()).pins
    return {name: r.text for name, r in held.items() if r.why is Why.RANGE}


class Attention(nn.Module):
    """One head over (n, t, 16), with the mask written as `masked` does."""

    def __init__(self, masked: Any) -> None:
        super().__init__()
        self.masked = masked
        self.qkv, self.out = nn.Linear(16, 48), nn.Linear(16, 4)
        self.norm = nn.LayerNorm(16)

    def forward(self, x: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        scores = self.masked(q @ k.mT / 4, keep[:, None, :])
        return self.out(self.norm(x + scores.softmax(-1) @ v)).mean(1)


def finfo_min(s: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    return s + (1 - keep) * torch.finfo(torch.float32).min


MASKS = {
    "added": lambda s, keep: s + (1 - keep) * -1e9,
    "filled": lambda s, keep: s.masked_fill(keep < 0.5, -1e9),
    "filled with a whole number": lambda s, k: s.masked_fill(k < 0.5, -1000000000),
    "infinite": lambda s, keep: s.masked_fill(keep < 0.5, -math.inf),
    "chosen": lambda s, keep: torch.where(keep > 0.5, s, torch.tensor(-1e9)),
    "chosen by number": lambda s, keep: torch.where(keep > 0.5, s, -1e9),
    "finfo.min": finfo_min,
}


def masked(rows: int, empty: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Batches of 6 tokens, the last 2 padding; if `empty`, one row has no token."""
    keep = torch.ones(rows, 6)
    keep[:, 4:] = 0
    if empty:
        keep[0] = 0
    return torch.randn(rows, 6, 16), keep


@LOW
@pytest.mark.parametrize("mask", MASKS)
def test_masks_stay_low_and_make_no_nan(tools: Any, mask: str, low: Precision) -> None:
    torch.manual_seed(0)
    model, batch = Attention(MASKS[mask]).eval(), masked(3, empty=False)
    traced = tools.trace(model, *batch, low=low)
    assert pins(traced, low) == {}
    placement = tools.all_low(traced, low)
    core = {"linear", "matmul", "softmax", "masked_fill", "where", "layer_norm"}
    assert {placement[op.id] for op in traced.graph.ops if op.type in core} == {low}
    with torch.no_grad():
        found = traced.apply(placement)(*batch)
        assert tools.error(model(*batch), found) < 0.02


@LOW
@pytest.mark.parametrize("mask", ["filled", "filled with a whole number", "chosen"])
def test_a_row_that_is_masked_in_full_is_uniform_in_16_bits_too(
    tools: Any, mask: str, low: Precision
) -> None:
    """-1e9 that is known offline becomes the format's smallest value, not -inf."""
    torch.manual_seed(0)
    model, batch = Attention(MASKS[mask]).eval(), masked(3, empty=True)
    traced = tools.trace(model, *batch, low=low)
    assert pins(traced, low) == {}
    with torch.no_grad():
        found = traced.apply(tools.all_low(traced, low))(*batch)
        assert tools.error(model(*batch), found) < 0.02


@LOW
@pytest.mark.parametrize("mask", ["added", "finfo.min"])
@pytest.mark.parametrize("empty", [False, True])
def test_a_computed_mask_makes_no_nan_on_rows_that_came_later(
    tools: Any, mask: str, empty: bool, low: Precision
) -> None:
    """Nothing is pinned, whether or not the calibration batch had such a row."""
    torch.manual_seed(0)
    model = Attention(MASKS[mask]).eval()
    traced = tools.trace(model, *masked(3, empty), low=low)
    assert pins(traced, low) == {}
    placement = tools.all_low(traced, low)
    assert {placement[op.id] for op in traced.graph.ops if op.kernel(low)} == {low}
    batch = masked(3, empty=True)
    with torch.no_grad():
        assert tools.error(model(*batch), traced.apply(placement)(*batch)) < 0.02


def computed(s: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    """Each number fits into fp16, their product doesn't."""
    return s + (1 - keep) * 3e4 * -3e4


@pytest.mark.parametrize("empty", [True, False])
def test_a_product_beyond_the_range_makes_no_nan_on_rows_that_came_later(
    tools: Any, empty: bool
) -> None:
    torch.manual_seed(0)
    model, batch = Attention(computed).eval(), masked(3, empty=empty)
    traced = tools.trace(model, *batch, low=FP16)
    placement = tools.all_low(traced, FP16)
    assert {placement[f"{name}:linear:0"] for name in ("qkv", "out")} == {FP16}
    later = masked(3, empty=True)
    with torch.no_grad():
        assert tools.error(model(*later), traced.apply(placement)(*later)) < 0.02


def test_a_row_masked_in_a_later_batch_costs_no_trial(tools: Any) -> None:
    torch.manual_seed(0)
    model = Attention(MASKS["added"]).eval()
    data = [masked(3, empty) for empty in (False, True)]
    with torch.no_grad():
        labelled = [(batch, model(*batch).numpy()) for batch in data]
    traced = tools.trace(model, *data[0], low=FP16)

    def batches() -> Iterator[tuple[Any, Any]]:
        yield from labelled

    def score(placement: Placement, watch: Watch) -> Any:
        return evaluate(pytorch.predictor(traced.apply(placement)), batches, MSE)

    result = search(
        traced,
        score,
        low=FP16,
        objective=low_compute,
        pins=Pins(),
        criterion=Criterion(absolute=1e-3, higher_is_better=False),
        baseline=evaluate(pytorch.predictor(model), batches, MSE),
        budget=Budget(),
        progress=Terminal(io.StringIO()),
        clock=lambda: 0.0,
    )
    (first,) = result.trials
    assert first.evaluation is not None
    assert first.evaluation.finite
    assert first.holds
    assert first.placement["qkv:linear:0"] == first.placement[":mul:0"] == FP16


class Scaled(nn.Module):
    """Standardised by hand; one feature is constant, so that only eps keeps it finite."""

    def __init__(self, eps: float) -> None:
        super().__init__()
        self.eps, self.first, self.last = eps, nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.first(x) * torch.tensor([0.0] + 7 * [1.0])
        centred = y - y.mean(0)
        return self.last(centred / torch.sqrt(centred.square().mean(0) + self.eps))


def test_a_zero_that_is_fatal_only_further_on_is_found(tools: Any) -> None:
    """1e-8 is 0 in fp16: its square root divides 0."""
    torch.manual_seed(0)
    model, x = Scaled(1e-8).eval(), torch.randn(32, 8)
    traced = tools.trace(model, x, low=FP16, shapes=[(32, 8)])
    found = pins(traced, FP16)
    assert ":add:0" in found
    assert "become zero in fp16" in found[":add:0"]
    placement = tools.all_low(traced, FP16)
    assert placement["first:linear:0"] == placement["last:linear:0"] == FP16
    with torch.no_grad():
        assert tools.error(model(x), traced.apply(placement)(x)) < 0.01
    harmless = tools.trace(Scaled(1e-3).eval(), x, low=FP16, shapes=[(32, 8)])
    assert pins(harmless, FP16) == {}


class Indexed(nn.Module):
    """Whole numbers as floats: harmless as values, fatal as places in a table."""

    def __init__(self, as_places: bool) -> None:
        super().__init__()
        self.as_places = as_places
        self.table, self.last = nn.Embedding(3000, 8), nn.Linear(8, 4)

    def forward(self, t: torch.Tensor) -> torch.Tensor:
        t = t.relu() + 1.0
        if self.as_places:
            return self.last(self.table((t - 1).long()))
        return self.last(t[:, None] / 3000 + self.table.weight[:1])


@pytest.mark.parametrize("as_places", [True, False])
def test_whole_numbers_are_pinned_where_they_must_be_exact(
    tools: Any, as_places: bool
) -> None:
    torch.manual_seed(0)
    t = torch.arange(2000.0, 2900.0, 20.0)
    found = pins(tools.trace(Indexed(as_places).eval(), t), BF16)
    if as_places:
        assert {":add:0", ":sub:0"} <= set(found)
        assert "holds whole numbers up to 2" in found[":add:0"]
    else:
        assert found == {}


class Looped(nn.Module):
    """Grows in a loop until fp16 ends; bf16 takes it well."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        def grow(k: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return k + 1, y * 20.0

        start = (torch.zeros((), dtype=torch.int64), self.first(x))
        _k, y = while_loop(lambda k, y: k < 5, grow, start)
        return self.last(y * 20.0**-5)


def test_what_overflows_in_a_loop_is_pinned(tools: Any) -> None:
    torch.manual_seed(0)
    model, x = Looped().eval(), torch.randn(6, 4)
    traced = tools.trace(model, x, low=FP16, shapes=[(6, 4)])
    found = pins(traced, FP16)
    (name,) = (name for name in found if name.endswith("/:mul:0"))
    assert found[name].endswith("beyond fp16's 65504")
    placement = tools.all_low(traced, FP16)
    assert placement["first:linear:0"] == placement["last:linear:0"] == FP16
    with torch.no_grad():
        assert tools.error(model(x), traced.apply(placement)(x)) < 0.01
    assert pins(tools.trace(model, x, shapes=[(6, 4)]), BF16) == {}


def block() -> nn.Module:
    torch.manual_seed(0)
    return nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, norm_first=True)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(72, 16), nn.GELU(), nn.Linear(16, 4), nn.Softmax(-1),
    )  # fmt: skip


@LOW
@pytest.mark.parametrize(
    ("model", "shape"), [(block, (2, 9, 32)), (network, (4, 3, 8, 8))]
)
def test_models_that_take_16_bits_well_get_no_pin(
    tools: Any, model: Any, shape: Any, low: Precision
) -> None:
    traced = tools.trace(model().eval(), torch.randn(shape), low=low, shapes=[shape])
    assert pins(traced, low) == {}


def test_a_weight_beyond_fp16_is_pinned_with_its_number(tools: Any) -> None:
    layers = (nn.Linear(4, 4, bias=False) for _ in range(2))
    model = nn.Sequential(*layers).eval()
    with torch.no_grad():
        model[0].weight.fill_(1e5)
        model[1].weight.mul_(1e-5)
    x = torch.rand(3, 4) * 1e-3
    traced = tools.trace(model, x, low=FP16)
    reason = hard_pins(traced, FP16, Pins()).pins["0:linear:0"]
    assert reason.text == "0.weight reaches 1e+05, beyond fp16's 65504"
    assert reason.number == 1e5
    assert LIMITS[FP16].largest == 65504


def test_a_mask_in_the_weights_is_stored_within_range(tools: Any) -> None:
    class Causal(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mask", torch.full((5, 5), -1e9).triu(1))
            self.first = nn.Linear(5, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.softmax(self.first(x) + self.mask, -1)

    model, x = Causal().eval(), torch.randn(2, 5, 5)
    traced = tools.trace(model, x, low=FP16)
    converted = traced.apply(tools.all_low(traced, FP16))
    assert converted.state_dict()["mask"].dtype == torch.float16
    assert converted.state_dict()["mask"].min() == -65504
    with torch.no_grad():
        assert tools.error(model(x), converted(x)) < 0.01
