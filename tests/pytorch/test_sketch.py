"""The adjoint sketch, against what the error of each op alone measures."""

from __future__ import annotations

import copy
import math
import runpy
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn
from torch._higher_order_ops.scan import scan
from torch._higher_order_ops.while_loop import while_loop

from narrowcast.runtime.frameworks.loops import Route
from narrowcast.runtime.frameworks.pytorch.measuring.tails import float_tails
from narrowcast.runtime.frameworks.pytorch.running.low import values_with_low
from narrowcast.runtime.graph.graph import Precision

FP32, BF16, FP16 = Precision.FP32, Precision.BF16, Precision.FP16
SEEDS = range(6)
MNIST = Path(__file__).resolve().parents[2] / "examples" / "mnist" / "mnist_cnn.py"


class Attention(nn.Module):
    """An embedding, a layer of attention whose norms are far apart in scale, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.head = nn.Embedding(50, 32), nn.Linear(32, 4)
        self.norm, self.qkv, self.out = (
            nn.LayerNorm(32),
            nn.Linear(32, 96),
            nn.Linear(32, 32),
        )
        self.wide, self.narrow = nn.Linear(32, 64), nn.Linear(64, 32)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.words(ids)
        q, k, v = self.qkv(self.norm(x)).chunk(3, -1)
        x = x + self.out((q @ k.transpose(1, 2) / 6).softmax(-1) @ v)
        x = x + self.narrow(nn.functional.gelu(self.wide(x)))
        logits: torch.Tensor = self.head(x.mean(1))
        return logits


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 16, 3, padding=1), nn.Linear(16, 5)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(16, 16, 3, padding=1),
                nn.BatchNorm2d(16),
                nn.ReLU(inplace=True),
                nn.Conv2d(16, 16, 3, padding=1),
            )
            for _ in range(3)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = torch.relu_(block(x) + x)
        logits: torch.Tensor = self.head(x.mean((2, 3)))
        return logits


def digits(data: Path) -> tuple[nn.Module, torch.Tensor]:
    """The trained network of the example, and 32 of its digits."""
    model: nn.Module = runpy.run_path(str(MNIST))["build"]()
    model.load_state_dict(torch.load(data / "mnist_cnn.pth", weights_only=True))
    rows = np.loadtxt(data / "mnist_5k.csv.gz", delimiter=",", max_rows=32)
    images = torch.from_numpy(rows[:, :-1].astype(np.float32)) / 255
    return model.eval(), (images.reshape(-1, 1, 28, 28) - 0.1307) / 0.3081


def measured(program: Any, low: Precision) -> dict[str, float]:
    """Op id → the squared output error when only it is low."""
    names = [op.id for op in program.graph.ops if op.kernel(low)]
    return {name: program.error(low, (name,)) ** 2 for name in names}


def averaged(program: Any, low: Precision, names: Sequence[str]) -> dict[str, float]:
    each = [program.sketch(low, names, probes=20, seed=seed) for seed in SEEDS]
    return {name: statistics.fmean(one[name] for one in each) for name in each[0]}


@pytest.fixture(scope="module")
def programs(tools: Any, mnist_data: Path) -> dict[str, Any]:
    torch.manual_seed(0)
    return {
        "digits": tools.trace(*digits(mnist_data)),
        "attention": tools.trace(Attention(), torch.randint(0, 50, (16, 12))),
        "residual": tools.trace(Residual(), torch.randn(16, 3, 16, 16)),
    }


@pytest.fixture(scope="module", params=["digits", "attention", "residual"])
def program(request: pytest.FixtureRequest, programs: dict[str, Any]) -> Any:
    return programs[request.param]


def test_it_says_what_each_op_alone_does_to_the_output(program: Any) -> None:
    exact = measured(program, BF16)
    found = averaged(program, BF16, list(exact))
    assert set(found) == set(exact)
    largest = max(exact.values())
    heavy = [name for name, value in exact.items() if value > 1e-2 * largest]
    assert len(heavy) >= 5
    ratios = [found[name] / exact[name] for name in heavy]
    assert all(0.5 < ratio < 2 for ratio in ratios), ratios


def test_it_ranks_ops_as_they_rank(programs: Mapping[str, Any]) -> None:
    """Those of three models together: of one they are near each other."""
    exact: list[float] = []
    found: list[float] = []
    for program in programs.values():
        values = measured(program, BF16)
        sketched = program.sketch(BF16, values)
        exact.extend(values.values())
        found.extend(sketched[name] for name in values)
    assert len(exact) > 40
    assert spearmanr(exact, found).statistic >= 0.95


def test_one_run_of_four_probes_says_how_much_all_of_them_do(program: Any) -> None:
    exact = measured(program, BF16)
    for seed in SEEDS:
        found = program.sketch(BF16, exact, seed=seed)
        assert 0.2 < math.fsum(found.values()) / math.fsum(exact.values()) < 5


def test_the_same_seed_gives_the_same_and_another_seed_does_not(program: Any) -> None:
    names = list(measured(program, BF16))
    first = program.sketch(BF16, names, seed=3)
    assert program.sketch(BF16, names, seed=3) == first
    assert program.sketch(BF16, names, seed=4) != first
    part = program.sketch(BF16, names[:2], seed=3)
    assert part == {name: first[name] for name in names[:2]}


def test_it_leaves_model_batch_and_gradients_alone(tools: Any) -> None:
    torch.manual_seed(0)
    model, x = Residual(), torch.randn(4, 3, 8, 8, requires_grad=True)
    before = copy.deepcopy(model.state_dict())
    program = tools.trace(model, x)
    error = program.error(BF16, ("head:linear:0",))
    program.sketch(BF16, ["stem:conv2d:0", "head:linear:0"])
    assert x.grad is None
    assert all(p.grad is None for p in model.parameters())
    assert all(bool((before[k] == v).all()) for k, v in model.state_dict().items())
    assert program.error(BF16, ("head:linear:0",)) == error


@pytest.mark.parametrize("mix", ["softmax", "product", "roll", "turn"])
def test_it_holds_where_samples_see_each_other(tools: Any, mix: str) -> None:
    """Where their number is that of other axes too, and where their order changes."""

    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.Linear(8, 8), nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.body(x).tanh() + 1
            if mix == "softmax":
                x = x.softmax(0)
            if mix == "product":
                x = (x @ x.t()) @ x
            x = x.roll(1, 0) if mix == "roll" else x
            made: torch.Tensor = self.head(x).t() if mix == "turn" else self.head(x)
            return made

    torch.manual_seed(0)
    program = tools.trace(Mixed(), torch.randn(8, 8), shapes=[(8, 8)])
    exact = measured(program, BF16)
    found = averaged(program, BF16, list(exact))
    assert set(found) == set(exact)
    assert all(found[n] == pytest.approx(exact[n], rel=0.7) for n in exact)


class Tail(nn.Module):
    """Scores that end in their ArgMax, or beside boxes 10 000 times as large."""

    def __init__(self, ends: Any) -> None:
        super().__init__()
        self.body, self.boxes, self.scores = (nn.Linear(16, 16) for _ in range(3))
        self.ends = ends

    def forward(self, x: torch.Tensor) -> Any:
        x = self.body(x).tanh()
        return self.ends(self.boxes(x), self.scores(x))


def test_behind_an_argmax_the_floats_that_feed_it_count(tools: Any) -> None:
    torch.manual_seed(0)
    x = torch.randn(64, 16)
    program = tools.trace(Tail(lambda b, s: (b * s).argmax(-1)), x)
    exact = measured(program, BF16)
    found = averaged(program, BF16, list(exact))
    assert set(found) == set(exact)
    assert all(found[n] == pytest.approx(exact[n], rel=0.6) for n in exact)


def test_each_output_counts_relative_to_its_own_size(tools: Any) -> None:
    """Not to the largest, beside which the scores would be nothing."""
    torch.manual_seed(0)
    x = torch.randn(64, 16)
    program = tools.trace(Tail(lambda b, s: (b * 1e4, s)), x)
    names = ["boxes:linear:0", "scores:linear:0"]
    found = averaged(program, BF16, names)
    for name in names:
        assert found[name] == pytest.approx(program.error(BF16, (name,)) ** 2, rel=0.6)
    one, both = (
        averaged(tools.trace(Tail(ends), x), BF16, ["body:linear:0"])["body:linear:0"]
        for ends in (lambda b, s: b, lambda b, s: (b, b))
    )
    assert both == pytest.approx(2 * one, rel=0.6)


def test_ops_that_no_gradient_reaches_are_missing(tools: Any) -> None:
    """A lookup by an ArgMax, and a branch that the batch does not take."""

    class Looked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.choice, self.head = nn.Linear(8, 8), nn.Linear(8, 8)
            self.table, self.aside = nn.Embedding(8, 8), nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.table(self.choice(x).argmax(-1))
            y = torch.cond((y > 9).any(), self.aside, lambda v: v.sin(), (y,))
            made: torch.Tensor = self.head(y)
            return made

    torch.manual_seed(0)
    program = tools.trace(Looked(), torch.randn(4, 8))
    names = [op.id for op in program.graph.ops if op.kernel(BF16)]
    missing = {"choice:linear:0", ":cond:0/true/aside:linear:0"}
    assert set(program.sketch(BF16, names)) == set(names) - missing
    assert missing <= set(names)


@torch.library.custom_op("narrowcast_test::halved", mutates_args=())
def halved(x: torch.Tensor) -> torch.Tensor:
    return x * 0.5


@halved.register_fake
def _(x: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x)


def test_what_also_passes_an_unknown_operator_is_missing(tools: Any) -> None:
    """What gets around it would be too little, without a sign that it is."""

    class Around(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.Linear(8, 8), nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.body(x)
            made: torch.Tensor = self.head(x + halved(x))
            return made

    program = tools.trace(Around(), torch.randn(4, 8))
    names = [op.id for op in program.graph.ops if op.kernel(BF16)]
    assert "body:linear:0" in names
    assert set(program.sketch(BF16, names)) == set(names) - {"body:linear:0"}


def test_what_is_not_finite_is_infinite_unless_it_harms_nothing(tools: Any) -> None:
    class Large(nn.Module):
        def forward(self, x: torch.Tensor) -> Any:
            return (x * 1e6) * 1e-6, torch.tanh(x * 1e7)

    program = tools.trace(Large(), torch.rand(4, 8) + 1, low=FP16)
    found = program.sketch(FP16, [":mul:0", ":mul:2", ":tanh:0"])
    assert found[":mul:0"] == math.inf
    assert found[":mul:2"] == 0.0
    assert found[":tanh:0"] < 1e-3


class Memory(nn.Module):
    """Overwrites what a gradient needs, through a view, and a counter in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(8, 8), nn.Linear(8, 8)
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.steps += 1
        x = self.first(x).exp()
        y = x * x
        x[:, 2:].add_(1.0)
        x.view(-1)[::3].mul_(0.5)
        made: torch.Tensor = self.last(torch.cat([x, y], 1)[:, 4:12])
        return made


class Bodies(nn.Module):
    """Every kind of body."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = (nn.Linear(8, 8) for _ in range(3))

    def forward(self, x: torch.Tensor) -> Any:
        x = torch.cond((x > -99).all(), lambda v: self.a(v).tanh(), self.b, (x,))
        x = while_loop(
            lambda i, v: i < 3,
            lambda i, v: (i + 1, v + self.b(v)),
            (torch.tensor(0), x),
        )[1]
        last, each = scan(
            lambda carried, row: (carried + self.c(row), carried * row), x[0] * 0, x
        )
        return last, each


@pytest.mark.parametrize("build", [Memory, Bodies])
def test_it_holds_for_memory_that_is_overwritten_and_for_bodies(
    tools: Any, build: type[nn.Module]
) -> None:
    torch.manual_seed(0)
    x = torch.randn(32, 8)
    program = tools.trace(build(), x, shapes=[(32, 8)])
    exact = measured(program, BF16)
    found = averaged(program, BF16, list(exact))
    reached = set(exact) - {":cond:0/false/b:linear:0"}
    assert set(found) == reached
    outputs = 1 if build is Memory else 2
    for name in reached:
        least, most = exact[name] / 2, 2 * outputs * exact[name]
        assert least <= found[name] <= most or most < 1e-9, name


def low_parts(program: Any, low: Precision) -> list[Mapping[str, Precision]]:
    """Placements with a third, two thirds and all of the ops low."""
    random = np.random.default_rng(0)
    able = {op.id for op in program.graph.ops if op.kernel(low)}
    return [
        {
            op.id: low if op.id in able and random.random() < share else FP32
            for op in program.graph.ops
        }
        for share in (0.33, 0.67, 1.0)
    ]


def test_the_error_of_a_group_is_that_of_the_converted_model(
    tools: Any, program: Any, tmp_path: Path
) -> None:
    """As saved and loaded, with weights and casts as it has them: bit for bit.

    Every op runs the kernel that the file runs, on the same values, since a cast to
    fp32 and back changes none. (With `forms`, which the file may run in place of
    several ops, the bits differ: their kernels round less often.)
    """
    (batch,) = program.batch
    graph, module = program.graph, program.prepared.module
    with torch.no_grad():
        reference = program.apply(tools.all_fp32(program))(batch)
    for number, placement in enumerate(low_parts(program, BF16)):
        path = program.save(program.apply(placement), tmp_path / f"{number}.pt2")
        with torch.no_grad():
            converted = torch.export.load(path).module()(batch)
        low = [name for name, precision in placement.items() if precision == BF16]
        error = program.error(BF16, low)
        assert error > 1e-4
        assert error == pytest.approx(tools.error(reference, converted), rel=1e-4)
        keys = [str(graph.by_id[name].key) for name in low]
        tails = float_tails(module.graph)
        (emulated,) = values_with_low(module, (batch,), BF16, keys, tails, Route())
        assert torch.equal(emulated, converted)
