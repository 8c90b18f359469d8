"""Buffers that a model changes while it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.evaluation.evaluation import evaluate
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.graph.graph import Kind, Precision


class Stateful(nn.Module):
    """A counter, a running mean, a ring of rows, and a sum that is assigned anew."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 8), nn.Linear(8, 4)
        self.register_buffer("step", torch.zeros((), dtype=torch.long))
        self.register_buffer("mean", torch.zeros(8))
        self.register_buffer("ring", torch.zeros(4, 8))
        self.register_buffer("total", torch.ones(()))
        self.register_buffer("stays", torch.randn(8))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        hidden = self.first(x)
        before = self.mean.clone()
        self.mean.mul_(0.9).add_(0.1 * hidden.mean(0))
        self.ring.index_copy_(0, (self.step % 4).reshape(1), hidden[:1])
        self.step += 1
        self.total = self.total + hidden.square().mean()
        made = self.last(torch.relu(hidden - self.mean + self.ring.sum(0)) + self.stays)
        return made, before, self.step, self.total


BUFFERS = ("step", "mean", "ring", "total")


def batches(count: int = 6) -> list[tuple[torch.Tensor, ...]]:
    torch.manual_seed(1)
    return [(torch.randn(3, 4),) for _ in range(count)]


@pytest.fixture(scope="module")
def stateful(tools: Any) -> Any:
    torch.manual_seed(0)
    model = Stateful().eval()
    return model, tools.trace(model, *batches(1)[0])


def unchanged(model: nn.Module) -> bool:
    return (
        int(model.step) == 0
        and float(model.mean.abs().sum()) == 0
        and float(model.ring.abs().sum()) == 0
        and float(model.total) == 1
    )


def expected(model: nn.Module) -> list[Any]:
    predict = pytorch.predictor(model)
    return [predict(batch) for batch in batches()]


def close(a: Any, b: Any, tolerance: float) -> bool:
    return bool(
        np.allclose(np.asarray(a), np.asarray(b), rtol=tolerance, atol=tolerance)
    )


def test_what_changes_is_no_constant_and_what_writes_it_stays_fp32(
    tools: Any, stateful: Any
) -> None:
    _model, program = stateful
    graph = program.graph
    assert set(graph.inputs) == {"x", *BUFFERS}
    assert not any(graph.tensors[name].constant for name in BUFFERS)
    assert graph.tensors["stays"].constant
    placement = tools.all_low(program)
    writes = [op for op in graph.ops if op.type == "copy"]
    assert len(writes) == 4
    assert {op.kind for op in writes} == {Kind.FIXED}
    assert placement["first:linear:0"] == placement["last:linear:0"] == Precision.BF16
    converted = program.apply(placement)
    dtypes = {name: converted.get_buffer(name).dtype for name in BUFFERS}
    assert dtypes.pop("step") == torch.int64
    assert set(dtypes.values()) == {torch.float32}


@pytest.mark.parametrize("low", [True, False])
def test_state_carries_from_batch_to_batch_in_a_fresh_process(
    tools: Any, stateful: Any, python: Any, low: bool, tmp_path: Path
) -> None:
    model, program = stateful
    placement = tools.all_low(program) if low else tools.all_fp32(program)
    program.save(program.apply(placement), tmp_path / "state.pt2")
    torch.save(batches(), tmp_path / "batches.pt")
    script = (
        "import json, torch\n"
        "module = torch.export.load('state.pt2').module()\n"
        "found = [[t.tolist() for t in module(*b)] for b in torch.load('batches.pt')]\n"
        f"state = [module.get_buffer(n).tolist() for n in {BUFFERS}]\n"
        "print(json.dumps([found, state]))\n"
    )
    done = python("-c", script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found, state = json.loads(done.stdout)
    tolerance = 3e-2 if low else 1e-5
    for one, other in zip(expected(model), found, strict=True):
        assert int(one[2]) == int(other[2])
        assert all(close(a, b, tolerance) for a, b in zip(one, other, strict=True))
    own = Stateful().eval()
    own.load_state_dict(model.state_dict())
    for batch in batches():
        own(*batch)
    for name, value in zip(BUFFERS, state, strict=True):
        assert close(own.get_buffer(name).tolist(), value, tolerance), name
    assert state[0] == 6


def test_nothing_that_is_tried_advances_the_users_state(
    tools: Any, stateful: Any
) -> None:
    model, program = stateful
    expected(model)
    program.error(Precision.BF16, ["first:linear:0"])
    program.sketch(Precision.BF16, ["first:linear:0"])
    ticks = iter(range(100_000))
    clock = lambda: float(next(ticks))  # noqa: E731
    placement = tools.all_low(program)
    program.time(Precision.BF16, {"first:linear:0"}, clock, 1.0)
    program.time_whole({"low": placement}, clock)
    pytorch.predictor(program.apply(placement))(batches()[0])
    assert unchanged(model)
    assert unchanged(program.prepared.module)


def test_errors_count_what_a_buffer_is_given_for_later(tools: Any) -> None:
    class Remembers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.now, self.later = nn.Linear(4, 4), nn.Linear(4, 4)
            self.register_buffer("memory", torch.zeros(4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            made = self.now(x) + self.memory
            self.memory.copy_(self.later(x).mean(0))
            return made

    program = tools.trace(Remembers(), torch.randn(3, 4))
    errors = tools.errors(program, ["now:linear:0", "later:linear:0"])
    assert all(0 < error < 0.1 for error in errors.values())


class Steps:
    """Gathers what the counter said."""

    seen: list[int]

    def reset(self) -> None:
        self.seen = []

    def update(self, predictions: Any, labels: Any) -> None:
        self.seen.append(int(predictions[2]))

    def result(self) -> float:
        return float(sum(10**k * step for k, step in enumerate(self.seen)))


def test_every_evaluation_starts_from_the_state_as_loaded(
    tools: Any, stateful: Any, tmp_path: Path
) -> None:
    model, program = stateful
    converted = program.apply(tools.all_low(program))
    predictors = [
        pytorch.predictor(model, [Input("x", ("batch", 4), "float32")]),
        pytorch.predictor(converted),
        pytorch.load_saved(program.save(converted, tmp_path / "state.pt2")),
    ]
    for predict in predictors:
        for _ in range(2):
            data = lambda: [(batch, None) for batch in batches(3)]  # noqa: E731
            assert evaluate(predict, data, Steps).value == 321


def test_what_was_run_is_saved_with_the_state_as_loaded(
    tools: Any, stateful: Any, tmp_path: Path
) -> None:
    _model, program = stateful
    converted = program.apply(tools.all_low(program))
    converted(*batches()[0])
    assert int(converted.get_buffer("step")) == 1
    program.save(converted, tmp_path / "state.pt2")
    loaded = torch.export.load(tmp_path / "state.pt2").module()
    assert int(loaded.get_buffer("step")) == 0


def test_outputs_that_were_gathered_do_not_change_with_the_state(
    tools: Any, stateful: Any
) -> None:
    model, program = stateful
    for runnable in (model, program.apply(tools.all_fp32(program))):
        predict = pytorch.predictor(runnable)
        steps = [predict(batch)[2] for batch in batches(3)]
        assert [int(step) for step in steps] == [1, 2, 3]


def test_a_cache_does_not_fill_up_while_it_is_timed(tools: Any) -> None:
    class Cache(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)
            self.register_buffer("rows", torch.zeros(2, 4))
            self.register_buffer("used", torch.zeros(1, dtype=torch.long))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.rows.index_copy_(0, self.used, self.fc(x)[:1])
            self.used += 1
            return x + self.rows.sum(0)

    program = tools.trace(Cache(), torch.randn(3, 4))
    ticks = iter(range(100_000))
    program.time_whole({"low": tools.all_low(program)}, lambda: float(next(ticks)))


def test_a_model_that_changes_its_input_is_refused(tools: Any) -> None:
    class Overwrites(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x += 1
            return x * 2

    with pytest.raises(ModelError, match="changes its input x while") as caught:
        tools.trace(Overwrites(), torch.randn(3, 4))
    assert caught.value.remedy == "Let forward() work on a copy: x.clone()."
