"""Faster kernels that stand for ops in 16 bits: the same values, pins held, replayed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from narrowcast.runtime.common.errors import PlanError
from narrowcast.runtime.common.timing import Latency
from narrowcast.runtime.frameworks.pytorch.forms import sites
from narrowcast.runtime.frameworks.pytorch.forms.form import Form
from narrowcast.runtime.frameworks.pytorch.forms.timing import (
    Timed,
    fastest_forms,
    time_forms,
)
from narrowcast.runtime.graph.graph import Precision

BF16 = Precision.BF16


class Layers(nn.Module):
    """A layer, what comes after it, and a head that keeps both from being outputs."""

    def __init__(self, layer: nn.Module, after: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self.layer, self.after = layer, after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.after(self.layer(x), x).sum(-1)


def alone(f: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., torch.Tensor]:
    return lambda y, _x: f(y)


IMAGE, ROWS = (2, 4, 6, 6), (3, 5, 8)

FUSED: dict[str, tuple[nn.Module, Callable[..., torch.Tensor], tuple[int, ...]]] = {
    "linear": (nn.Linear(8, 16), alone(torch.exp), ROWS),
    "linear+gelu": (nn.Linear(8, 16), alone(F.gelu), ROWS),
    "linear+relu": (nn.Linear(8, 16, bias=False), alone(torch.relu), ROWS),
    "linear+tanh": (nn.Linear(8, 16), alone(torch.tanh), ROWS),
    "linear+silu": (nn.Linear(8, 16), alone(F.silu), ROWS),
    "linear+sigmoid": (nn.Linear(8, 16), alone(torch.sigmoid), ROWS),
    "linear+leaky_relu": (
        nn.Linear(8, 16),
        alone(lambda y: F.leaky_relu(y, 0.3)),
        ROWS,
    ),
    "conv2d+relu": (nn.Conv2d(4, 4, 3, padding=1), alone(torch.relu), IMAGE),
    "conv2d+relu6": (nn.Conv2d(4, 4, 3, 2), alone(F.relu6), IMAGE),
    "conv2d+hardtanh": (
        nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False),
        alone(lambda y: F.hardtanh(y, -0.5, 0.25)),
        IMAGE,
    ),
    "conv2d+clamp": (
        nn.Conv2d(4, 4, 1),
        alone(lambda y: y.clamp(min=-0.1, max=0.3)),
        IMAGE,
    ),
    "conv2d+hardswish": (nn.Conv2d(4, 4, 3, dilation=2), alone(F.hardswish), IMAGE),
    "conv2d+add": (nn.Conv2d(4, 4, 3, padding=1), lambda y, x: x + y, IMAGE),
    "conv2d+add+relu": (
        nn.Conv2d(4, 4, 3, padding=1),
        lambda y, x: torch.relu(y + x),
        IMAGE,
    ),
}


def forms_of(program: Any) -> dict[str, Form]:
    return {form.name: form for form in sites(program.prepared.module.graph)}


def formed(program: Any, name: str) -> Any:
    """The program with that form where it fits first."""
    form = forms_of(program)[name]
    ids = {str(op.key): op.id for op in program.graph.ops}
    return program.with_forms({ids[form.anchor]: name})


def called(module: Any) -> list[str]:
    ops = (n for n in module.graph.nodes if n.op == "call_function")
    return [str(n.target).split(".")[1] for n in ops]


@pytest.mark.parametrize("name", FUSED)
def test_a_fused_kernel_rounds_no_more_than_the_ops_it_stands_for(
    tools: Any, name: str
) -> None:
    torch.manual_seed(0)
    layer, after, shape = FUSED[name]
    model, x = Layers(layer, after), torch.randn(shape)
    program = tools.trace(model, x)
    placement = tools.all_low(program)
    plain, other = (p.apply(placement) for p in (program, formed(program, name)))
    replaced = name.split("+")
    assert set(replaced) <= {c.rstrip("_") for c in called(plain)}
    assert not set(replaced) & set(called(other))
    expected = tools.in_fp64(model, x)
    most = max(tools.error(expected, plain(x)), 2**-9)
    assert tools.error(expected, other(x)) <= 1.5 * most


COLUMNS = {
    "linear, weight by columns": alone(torch.exp),
    "linear+gelu, weight by columns": alone(F.gelu),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_weight_by_columns_is_stored_once_and_so_in_the_file(
    tools: Any, name: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model, x = Layers(nn.Linear(8, 16), COLUMNS[name]), torch.randn(ROWS)
    program = tools.trace(model, x)
    assert program.prepared.module.layer.weight.stride() == (8, 1)
    placement = tools.all_low(program)
    path = program.save(formed(program, name).apply(placement), tmp_path / "m.pt2")
    module = torch.export.load(path).module()
    assert "_linear_pointwise" in called(module)
    weights = [t for t in module.state_dict().values() if t.dim() == 2]
    assert [(t.dtype, t.stride()) for t in weights] == [(torch.bfloat16, (1, 16))]
    longer = torch.randn(7, 5, 8)
    plain = program.apply(placement)
    assert tools.error(plain(longer), module(longer)) < 2**-7
    kept = program.apply(tools.all_fp32(program))
    assert tools.error(tools.in_fp64(model, x), kept(x)) < 1e-6


def test_a_weight_that_others_read_too_stays_by_rows(tools: Any) -> None:
    one = nn.Linear(8, 8)
    program = tools.trace(nn.Sequential(one, nn.ReLU(), one), torch.randn(4, 8))
    assert set(forms_of(program)) == {"linear", "linear+relu"}


class Attention(nn.Module):
    """Attention over heads with any mask."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = options

    def forward(self, q: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        k, v = q.flip(-1).contiguous(), q.roll(1, -2)
        keep = {} if self.options.get("is_causal") else {"attn_mask": mask}
        return F.scaled_dot_product_attention(q, k, v, **self.options, **keep)


def masks() -> dict[str, torch.Tensor]:
    shown = torch.rand(2, 1, 7, 7) > 0.4
    blind = shown.clone()
    blind[1, 0, 3] = False
    added = torch.zeros(2, 1, 7, 7).masked_fill(~shown, -math.inf)
    large = torch.zeros(2, 3, 7, 7).masked_fill(~shown, -1e9)
    hidden = torch.zeros(2, 1, 7, 7).masked_fill(~blind, -math.inf)
    return {
        "bool": shown,
        "a row that sees nothing": blind,
        "added -inf": added,
        "added -1e9 by head": large,
        "added, a row that sees nothing": hidden,
        "added biases": torch.randn(7, 7),
    }


@pytest.mark.parametrize("name", masks())
@pytest.mark.parametrize("options", [{}, {"scale": 0.7}], ids=["", "scale"])
def test_attention_in_products_gives_what_the_fused_kernel_gives(
    tools: Any, name: str, options: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    mask = masks()[name]
    q = torch.randn(2, 3, 7, 16)
    shapes = [("batch", 3, "length", 16), tuple(mask.shape)]
    if mask.dim() == 4:
        shapes = [("batch", 3, 7, 16), ("batch", *mask.shape[1:])]
    program = tools.trace(
        Attention(**options),
        q,
        mask,
        shapes=shapes if mask.dim() == 4 else [("batch", 3, 7, 16), (7, 7)],
    )
    placement = tools.all_low(program)
    other = formed(program, "bmm+softmax+bmm").apply(placement)
    assert "scaled_dot_product_attention" not in called(other)
    found = other(q, mask)
    reference = program.apply(tools.all_fp32(program))(q, mask)
    assert torch.isfinite(found).all()
    assert found.dtype == torch.float32
    assert tools.error(reference, found) < 0.015


def test_causal_attention_in_products_at_any_length(tools: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Attention(is_causal=True)
    q, unused = torch.randn(2, 3, 7, 16), torch.zeros(2)
    shapes = [("batch", 3, "length", 16), (2,)]
    program = formed(tools.trace(model, q, unused, shapes=shapes), "bmm+softmax+bmm")
    program.save(program.apply(tools.all_low(program)), tmp_path / "a.pt2")
    loaded = torch.export.load(tmp_path / "a.pt2").module()
    longer = torch.randn(5, 3, 11, 16)
    expected = tools.in_fp64(model, longer, unused)
    assert tools.error(expected, loaded(longer, unused)) < 0.015


class Residual(nn.Module):
    """A block with one of each form, and weights that dominate its file."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(4, 4, 3, padding=1)
        self.two = nn.Conv2d(4, 4, 3, padding=1)
        self.up, self.down = nn.Linear(36, 128), nn.Linear(128, 36)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.two(torch.relu(self.one(x))) + x)
        rows = x.flatten(2)
        out: torch.Tensor = self.down(F.gelu(self.up(rows)))
        return F.scaled_dot_product_attention(*[out.unflatten(1, (2, 2))] * 3)


WANTED = {
    "one:conv2d:0": "conv2d+relu",
    "two:conv2d:0": "conv2d+add+relu",
    "up:linear:0": "linear+gelu",
    "down:linear:0": "linear",
    ":scaled_dot_product_attention:0": "bmm+softmax+bmm",
}

FRESH = """
import sys, torch
model = torch.export.load(sys.argv[1]).module()
x = torch.load(sys.argv[2])
calls = sorted({str(n.target) for n in model.graph.nodes if "mkldnn" in str(n.target)})
weights = sorted({str(t.dtype) for t in model.state_dict().values()})
torch.save((model(x), calls, weights), sys.argv[3])
"""


@pytest.fixture(scope="module")
def residual(tools: Any) -> Any:
    torch.manual_seed(0)
    model = Residual()
    x = torch.randn(2, 4, 6, 6)
    return model, x, tools.trace(model, x).with_forms(WANTED)


def test_a_model_in_other_forms_loads_in_a_fresh_process(
    tools: Any, residual: Any, python: Any, tmp_path: Path
) -> None:
    model, _x, program = residual
    assert program.forms == WANTED
    program.save(program.apply(tools.all_low(program)), tmp_path / "m.pt2")
    x = torch.randn(5, 4, 6, 6)
    torch.save(x, tmp_path / "x.pt")
    files = [tmp_path / name for name in ("m.pt2", "x.pt", "y.pt")]
    ran = python("-c", FRESH, *files)
    assert ran.returncode == 0, ran.stderr
    found, calls, weights = torch.load(files[2])
    assert found.dtype == torch.float32 and weights == ["torch.bfloat16"]
    assert calls == [
        "mkldnn._convolution_pointwise.binary",
        "mkldnn._convolution_pointwise.default",
        "mkldnn._linear_pointwise.default",
    ]
    assert tools.error(tools.in_fp64(model, x), found) < 0.03


def test_the_same_forms_give_the_same_bytes(
    tools: Any, residual: Any, tmp_path: Path
) -> None:
    _model, _x, program = residual
    placement = tools.all_low(program)
    again = program.with_forms(dict(reversed(WANTED.items())))
    for name, each in (("a.pt2", program), ("b.pt2", again)):
        each.save(each.apply(placement), tmp_path / name)
    assert (tmp_path / "a.pt2").read_bytes() == (tmp_path / "b.pt2").read_bytes()


@pytest.mark.parametrize(
    ("pinned", "gone", "stays"),
    [
        (":relu:0", "_convolution_pointwise.default", "_convolution_pointwise.binary"),
        (":add:0", "_convolution_pointwise.binary", "_convolution_pointwise.default"),
        (":scaled_dot_product_attention:0", "bmm.default", "_linear_pointwise.default"),
    ],
)
def test_a_pin_on_any_op_keeps_its_form_away(
    tools: Any, residual: Any, pinned: str, gone: str, stays: str
) -> None:
    _model, x, program = residual
    placement = tools.all_low(program, pins=[pinned])
    assert 0 < len(program.forms_in_use(placement)) < len(program.forms)
    low = program.apply(placement)
    calls = {
        str(n.target).split(".", 1)[1] for n in low.graph.nodes if "." in str(n.target)
    }
    assert gone not in calls and stays in calls
    kept = next(n for n in low.graph.nodes if pinned.split(":")[1] in str(n.target))
    assert low(x).dtype == torch.float32
    with torch.no_grad():
        taken = torch.fx.Interpreter(low)
        taken.garbage_collect_values = False
        taken.run(x)
    assert {taken.env[n].dtype for n in kept.all_input_nodes} == {torch.float32}


def test_nothing_is_in_another_form_in_fp32(tools: Any, residual: Any) -> None:
    model, x, program = residual
    module = program.apply(tools.all_fp32(program))
    assert not [c for c in called(module) if "pointwise" in c or "bmm" in c]
    assert tools.error(tools.in_fp64(model, x), module(x)) < 1e-6


@pytest.mark.parametrize(
    "forms", [{"one:conv2d:0": "conv2d+gelu"}, {"gone:conv2d:0": "conv2d+relu"}]
)
def test_a_form_that_does_not_fit_the_model_is_an_error(
    residual: Any, forms: dict[str, str]
) -> None:
    with pytest.raises(PlanError, match=next(iter(forms))):
        residual[2].with_forms(forms)


def ticking(seconds: Sequence[float]) -> Callable[[], float]:
    """A clock on which call k takes `seconds[k % len]`."""
    now, k = 0.0, 0

    def clock() -> float:
        nonlocal now, k
        if k % 2:
            now += seconds[k // 2 % len(seconds)]
        k += 1
        return now

    return clock


@pytest.mark.parametrize(("form", "chosen"), [(0.5, True), (0.99, False), (2.0, False)])
def test_forms_are_taken_where_they_are_faster(
    residual: Any, form: float, chosen: bool
) -> None:
    _model, _x, program = residual
    fastest = program.with_fastest_forms(BF16, ticking([1.0, form]), 1e-9)
    assert fastest.forms == (WANTED if chosen else {})


def test_timings_charge_a_form_to_the_op_that_computes(residual: Any) -> None:
    _model, _x, program = residual
    timings = program.time(BF16, {"one:conv2d:0", ":relu:0"}, ticking([1.0]), 1e-9)
    assert timings.ops["one:conv2d:0", BF16].median == pytest.approx(1.0)
    assert timings.ops[":relu:0", BF16].median == 0.0
    assert timings.ops[":relu:0", Precision.FP32].median == pytest.approx(1.0)


def test_of_forms_that_share_an_op_the_one_that_gains_most_is_taken() -> None:
    def timed(plain: float, form: float) -> Timed:
        return Timed(Latency(plain, plain, plain, 9), Latency(form, form, form, 9))

    def form(name: str, *names: str) -> Form:
        return Form(name, names, lambda _writer, replaced: replaced[0])

    small, large = form("a", "x"), form("ab", "x", "y")
    other, slower = form("by", "z", "y"), form("c", "w")
    found = fastest_forms(
        {
            small: timed(5, 4),
            large: timed(9, 4),
            other: timed(6, 3),
            slower: timed(3, 4),
        }
    )
    assert found == (large,)


def test_equal_sites_are_timed_once(tools: Any) -> None:
    model = nn.Sequential(*[nn.Linear(8, 8) for _ in range(5)])
    program = tools.trace(model, torch.randn(4, 8))
    calls = 0

    def clock() -> float:
        nonlocal calls
        calls += 1
        return float(calls)

    graph = program.prepared.module
    forms = sites(graph.graph)
    timed = time_forms(graph, program.batch, BF16, forms, clock, 1e-9)
    assert len(timed) == 2 * 5  # each with the weight by rows, and by columns
    once = calls
    time_forms(graph, program.batch, BF16, forms[:2], clock, 1e-9)
    assert calls - once == once
