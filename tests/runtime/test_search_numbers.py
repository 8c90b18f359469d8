"""The search on numeric models in NumPy whose 16-bit ops really round.

Culprits are planted: ops that are right in fp32 and ruin the output in 16 bits.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.common.telling.progress import Terminal
from narrowcast.runtime.common.timing import Latency
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import (
    Evaluation,
    Watch,
    evaluate,
    largest_error,
    to_the_end,
)
from narrowcast.runtime.evaluation.metrics.mse import MSE
from narrowcast.runtime.frameworks.comparing import with_kernels
from narrowcast.runtime.frameworks.protocol import (
    Array,
    Inputs,
    Outputs,
    Predict,
    Probe,
    Statistics,
    Timings,
)
from narrowcast.runtime.graph.graph import (
    Graph,
    Kind,
    Op,
    Placement,
    Precision,
    Slot,
    Tensor,
)
from narrowcast.runtime.graph.pins import Pins, Why
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search import Budget, Found, search
from narrowcast.runtime.search.sensitivity.estimates import estimates
from narrowcast.runtime.search.sensitivity.order import HEAVY

Floats = npt.NDArray[np.float32]
FP32, BF16, FP16 = Precision.FP32, Precision.BF16, Precision.FP16
BATCH, BATCHES = 16, 4


def to_bf16(values: Floats) -> Floats:
    """Round to the nearest bfloat16, ties to even."""
    bits = np.asarray(values, np.float32).view(np.uint32).astype(np.uint64)
    rounded = ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32)
    return np.where(np.isnan(values), np.float32(np.nan), rounded.view(np.float32))


def to_fp16(values: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return np.asarray(values, np.float32).astype(np.float16).astype(np.float32)


ROUND: Mapping[Precision, Callable[[Floats], Floats]] = {
    FP32: lambda values: values,
    BF16: to_bf16,
    FP16: to_fp16,
}


@dataclass
class Model:
    """Ops in order, each a NumPy function of earlier values; an op's id names what it
    makes."""

    inputs: tuple[str, ...]
    ops: list[Op] = field(default_factory=list)
    functions: dict[str, Callable[..., Floats]] = field(default_factory=dict)
    weights: dict[str, Floats] = field(default_factory=dict)
    random: np.random.Generator = field(
        default_factory=lambda: np.random.default_rng(7)
    )

    def add(
        self,
        name: str,
        function: Callable[..., Floats],
        *inputs: str,
        kind: Kind = Kind.POINTWISE,
        flops: int = 100,
    ) -> str:
        slots = tuple(map(Slot, inputs))
        self.ops.append(Op(name, name[:3], kind, slots, (name,), flops=flops))
        self.functions[name] = function
        return name

    def linear(self, name: str, value: str, rows: int, columns: int) -> str:
        shape = (rows, columns)
        weight = self.random.standard_normal(shape) / np.sqrt(rows)
        self.weights[f"{name}.weight"] = weight.astype(np.float32)
        inputs = value, f"{name}.weight"
        return self.add(name, np.matmul, *inputs, kind=Kind.COMPUTE, flops=10_000)

    def block(self, name: str, value: str) -> str:
        hidden = self.linear(f"{name}.linear", value, 16, 16)
        relu = self.add(
            f"{name}.relu", lambda x: np.maximum(x, 0), hidden, kind=Kind.MOVER, flops=0
        )
        return self.add(f"{name}.add", lambda a, b: a + b / 4, value, relu)

    def body(self, blocks: int = 10) -> str:
        value = "x"
        for number in range(blocks):
            value = self.block(f"block{number}", value)
        return self.linear("head", value, 16, 8)


@dataclass(frozen=True)
class Numeric:
    """A model behind the Traced protocol: casts round, kernels compute in fp32."""

    graph: Graph
    probes: Mapping[str, Probe]
    model: Model
    batch: Inputs
    switches: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def apply(self, placement: Placement) -> Predict:
        return lambda inputs: self.outputs(self.values(placement, inputs))

    def statistics(self, precision: Precision) -> Mapping[str, Statistics]:
        return {}

    def error(self, precision: Precision, ops: Iterable[str]) -> float:
        fp32 = {op.id: FP32 for op in self.graph.ops}
        found = self.apply({**fp32, **dict.fromkeys(ops, precision)})(self.batch)
        return largest_error(self.apply(fp32)(self.batch), found)

    def sketch(
        self, precision: Precision, ops: Iterable[str], **options: Any
    ) -> Mapping[str, float]:
        return {}

    def time(self, *unused: Any) -> Timings:
        raise AssertionError("the search times nothing")

    def time_whole(self, *unused: Any) -> dict[str, Latency]:
        raise AssertionError("the search times nothing")

    def save(self, model: Any, path: Path) -> Path:
        raise AssertionError("the search saves nothing")

    def outputs(self, values: Mapping[str, Floats]) -> Outputs:
        return tuple(values[name] for name in self.graph.outputs)

    def values(self, placement: Placement, inputs: Inputs) -> dict[str, Floats]:
        values = {
            **self.model.weights,
            **dict(zip(self.graph.inputs, inputs, strict=True)),
        }
        with np.errstate(all="ignore"):
            for op in self.graph.ops:
                to_low = ROUND[placement[op.id]]
                taken = [to_low(values[name]) for name in self.graph.castable(op)]
                values[op.id] = to_low(self.model.functions[op.id](*taken))
        return values


def picture(model: Model, values: Mapping[str, Floats], output: str) -> Graph:
    """The graph with the shapes of `values`."""
    names = (*values, *(op.id for op in model.ops))
    shapes = {name: values[name].shape if name in values else () for name in names}
    tensors = {
        name: Tensor(name, "float32", shape, name in model.weights)
        for name, shape in shapes.items()
    }
    return Graph(tuple(model.ops), tensors, model.inputs, (output,))


def trace(
    model: Model, inputs: Mapping[str, Floats], low: Precision, output: str
) -> Numeric:
    """The model with its graph, each op probed low on its true inputs."""
    batch = tuple(value[:BATCH] for value in inputs.values())
    shapeless = picture(model, {**inputs, **model.weights}, output)
    fp32 = {op.id: FP32 for op in model.ops}
    values = Numeric(shapeless, {}, model, batch).values(fp32, batch)
    graph = picture(model, values, output)
    probes = {}
    for op in graph.ops:
        taken = [ROUND[low](values[name]) for name in graph.castable(op)]
        with np.errstate(all="ignore"):
            found = ROUND[low](model.functions[op.id](*taken))
        probes[op.id] = Probe(low, largest_error((values[op.id],), (found,)))
    return Numeric(with_kernels(graph, low, probes), probes, model, batch)


@dataclass(frozen=True)
class Case:
    """A traced model with data whose labels are the fp32 model's own outputs."""

    traced: Numeric
    low: Precision
    data: Mapping[str, Floats]
    culprits: frozenset[str]

    def batches(self) -> Iterator[tuple[Inputs, Array]]:
        fp32 = self.traced.apply({op.id: FP32 for op in self.traced.graph.ops})
        for start in range(0, BATCH * BATCHES, BATCH):
            inputs = tuple(value[start : start + BATCH] for value in self.data.values())
            yield inputs, fp32(inputs)[0]

    def evaluate(self, placement: Placement, watch: Watch = to_the_end) -> Evaluation:
        return evaluate(self.traced.apply(placement), self.batches, MSE)

    def search(self, tolerance: float = 2e-3, **budget: Any) -> Found:
        fp32 = {op.id: FP32 for op in self.traced.graph.ops}
        return search(
            self.traced,
            self.evaluate,
            low=self.low,
            objective=low_compute,
            pins=Pins(),
            criterion=Criterion(absolute=tolerance, higher_is_better=False),
            baseline=self.evaluate(fp32),
            budget=Budget(**budget),
            progress=Terminal(io.StringIO()),
            clock=lambda: 0.0,
        )


def case(
    plant: Callable[[Model, str], str],
    low: Precision,
    *culprits: str,
    loud_from: int = 0,
) -> Case:
    """A ten-block residual network with something planted behind its head.

    `loud_from`: the sample from which inputs are large, which calibration may not see.
    """
    random = np.random.default_rng(3)
    count = BATCH * BATCHES
    data = {
        "x": random.standard_normal((count, 16)).astype(np.float32),
        "position": random.integers(4097, 8192, (count, 1)).astype(np.float32),
        "gain": np.ones((count, 1), np.float32),
    }
    data["gain"][loud_from:] = 400
    model = Model(tuple(data))
    output = plant(model, model.body())
    return Case(trace(model, data, low, output), low, data, frozenset(culprits))


def nothing(model: Model, logits: str) -> str:
    return logits


def position_into_sin(model: Model, logits: str) -> str:
    """Each of two ops ruins the angle by itself: lifting one alone shows no gain."""
    model.weights["frequency"] = np.linspace(0.3, 1, 8, dtype=np.float32)[None]
    model.add("angle", np.multiply, "position", "frequency")
    model.add("sine", np.sin, "angle")
    return model.add("sum", np.add, logits, "sine")


def unshifted_exp(model: Model, logits: str) -> str:
    """log Σ exp of numbers near 80 overflows nothing, but 80 rounds to 1/4."""
    model.add("raise", lambda z: z + np.float32(75.3), logits)
    model.add("exp", np.exp, "raise")
    model.add("reduce", lambda e: e.sum(1, keepdims=True), "exp")
    model.add("log", np.log, "reduce")
    return model.add("lower", lambda v: v - np.float32(75.3), "log")


def energy(model: Model, logits: str) -> str:
    """400² is beyond fp16; the root brings it back."""
    model.add("loud", np.multiply, logits, "gain")
    model.add("square", lambda v: v * v + np.float32(1e5), "loud")
    model.add("root", lambda v: np.sqrt(v - np.float32(1e5)), "square")
    return model.add("quiet", np.divide, "root", "gain")


def quiet_energy(model: Model, logits: str) -> str:
    model.add("loud", np.multiply, logits, "gain")
    model.add("square", lambda v: v * v, "loud")
    model.add("root", np.sqrt, "square")
    return model.add("quiet", np.divide, "root", "gain")


def two_apart(model: Model, logits: str) -> str:
    return position_into_sin(model, unshifted_exp(model, logits))


CULPRITS = {
    "two ops that mask each other": (position_into_sin, BF16, ("angle", "sine")),
    "unshifted exp": (unshifted_exp, BF16, ("raise", "exp", "log", "lower")),
    "both": (two_apart, BF16, ("angle", "sine", "raise", "exp", "log", "lower")),
    "overflow": (energy, FP16, ("square",)),
}
EVERY = [case(plant, low, *names) for plant, low, names in CULPRITS.values()]
HIDDEN = case(quiet_energy, FP16, "square", loud_from=BATCH)
CASES = pytest.mark.parametrize("planted", [*EVERY, HIDDEN], ids=[*CULPRITS, "hidden"])


def fp32_ops(found: Found) -> set[str]:
    return {name for name, p in found.plans[0].placement.items() if p is FP32}


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_the_rounding_of_these_tests_is_to_the_nearest_bf16(value: float) -> None:
    exact = np.float32(value)
    down = (exact.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    with np.errstate(all="ignore"):
        up = (down.view(np.uint32) + np.uint32(0x10000)).view(np.float32)
    found = to_bf16(np.array([exact]))[0]
    below, above = abs(float(exact) - float(down)), abs(float(up) - float(exact))
    even = down if (down.view(np.uint32) >> 16) % 2 == 0 else up
    nearest = down if below < above else up if above < below else even
    if np.isfinite(up):
        assert found == nearest


def test_a_model_that_takes_bf16_well_costs_one_trial() -> None:
    found = case(nothing, BF16).search()
    assert len(found.trials) == 1
    assert fp32_ops(found) == set()


@CASES
def test_the_criterion_is_met_within_twenty_trials(planted: Case) -> None:
    found = planted.search()
    assert found.trials[0].holds is (len(found.trials) == 1)
    assert len(found.trials) <= 20
    result = planted.evaluate(found.plans[0].placement)
    assert result.finite
    assert result.value <= 2e-3


@CASES
def test_everything_low_but_the_hard_pins_would_not_do(planted: Case) -> None:
    everything = {op.id: planted.low for op in planted.traced.graph.ops}
    result = planted.evaluate(everything)
    assert not (result.finite and result.value <= 2e-3)


@CASES
def test_the_culprits_are_pinned(planted: Case) -> None:
    assert planted.culprits <= fp32_ops(planted.search())


@pytest.mark.parametrize("planted", EVERY, ids=CULPRITS)
def test_little_else_is_pinned(planted: Case) -> None:
    placement = planted.search().plans[0].placement
    graph = planted.traced.graph
    low = sum(op.flops for op in graph.ops if placement[op.id] is planted.low)
    assert low >= 0.9 * graph.flops


@CASES
def test_culprits_have_the_error_that_convicted_them(planted: Case) -> None:
    reasons = planted.search().plans[0].reasons
    for name in planted.culprits:
        assert reasons[name].why in (Why.ACCURACY, Why.RANGE)
        assert reasons[name].number is not None


def test_an_overflow_that_the_probe_saw_costs_no_trial() -> None:
    found = EVERY[-1].search()
    assert len(found.trials) == 1
    assert found.plans[0].reasons["square"].why is Why.RANGE


@CASES
def test_heavy_ops_are_ranked_by_the_output_error_of_each_alone(planted: Case) -> None:
    """Splitting, which has no gradient to go by, against a run for every op."""
    traced, low = planted.traced, planted.low
    ops = [op.id for op in traced.graph.ops if op.kind is not Kind.MOVER]
    alone = {name: traced.error(low, [name]) for name in ops}
    ranking = estimates(traced, low, ops, seed=0).ranking
    assert sorted(each.op for each in ranking) == sorted(ops)
    worst = max(alone, key=lambda name: alone[name])
    assert ranking[0].error == pytest.approx(alone[worst], rel=0.5)
    heavy = [each.op for each in ranking if each.share >= HEAVY]
    assert worst in heavy


@pytest.mark.parametrize("planted", EVERY[:2], ids=list(CULPRITS)[:2])
def test_culprits_come_first(planted: Case) -> None:
    traced, low = planted.traced, planted.low
    ops = [op.id for op in traced.graph.ops if op.kind is not Kind.MOVER]
    ranking = estimates(traced, low, ops, seed=0).ranking
    first = {each.op for each in ranking[: len(planted.culprits)]}
    assert first == planted.culprits


def faint(model: Model, logits: str) -> str:
    """Beyond fp16's range, and infinity puts the outputs off by a tenth."""
    model.add("loud", np.multiply, logits, "gain")
    model.add("square", lambda v: v * v + np.float32(1e5), "loud", flops=40_000)
    model.add("squashed", lambda v: np.exp(-v / 1e5), "square")
    return model.add("sum", lambda z, s: z + s, logits, "squashed")


def wave(model: Model, logits: str) -> str:
    """Off by a tenth in 16 bits, and finite on any row."""
    model.add("wave", lambda v: np.sin(np.float32(300) * v), logits, flops=40_000)
    return model.add("sum", lambda z, s: z + s, logits, "wave")


def test_a_range_pin_that_the_metric_does_not_need_is_lifted() -> None:
    planted = case(wave, FP16, "wave")
    strict, loose = planted.search(), planted.search(tolerance=1.0)
    assert "wave" in fp32_ops(strict)
    assert strict.plans[0].reasons["wave"].why is Why.RANGE
    assert "wave" not in fp32_ops(loose)
    assert [trial.holds for trial in loose.trials] == [True, True]


def test_what_makes_infinities_is_not_lifted_whatever_the_metric_says() -> None:
    loose = case(faint, FP16, "square").search(tolerance=1.0)
    assert "square" in fp32_ops(loose)
    assert loose.plans[0].reasons["square"].why is Why.RANGE


def test_what_ruins_the_outputs_is_not_tried_without_its_pin() -> None:
    assert len(EVERY[-1].search(tolerance=1e9).trials) == 1


@CASES
def test_the_same_search_finds_the_same(planted: Case) -> None:
    first, second = planted.search(), planted.search()
    assert first.plans == second.plans
    assert [t.placement for t in first.trials] == [t.placement for t in second.trials]
