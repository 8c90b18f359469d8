"""Output errors and pins: an op in fp32 really computes in fp32."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from narrowcast.runtime.common.telling.progress import Terminal
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import Watch, evaluate, to_the_end
from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.mxnet.ir.library import mx
from narrowcast.runtime.frameworks.mxnet.ir.quantized.canonical import canonical
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.graph.pins import Pins, Why
from narrowcast.runtime.graph.rounding import rounded
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search import Budget, search

BF16, FP32 = Precision.BF16, Precision.FP32


@pytest.mark.parametrize("name", ["residual", "depthwise", "sharing", "embedding"])
def test_errors_are_those_of_converted_models(name: str, zoo: Any, tools: Any) -> None:
    """Brute force: each op alone low, in a converted model that executors run."""
    traced = zoo(name)
    program = traced.program
    lowable = [op.id for op in program.graph.ops if op.kernel(BF16)]
    reference = adapter.predictor(program.apply(tools.all_fp32(program)))
    expected = reference(traced.case.batch)
    errors = {name: program.error(BF16, (name,)) for name in lowable}
    assert set(errors) == set(lowable)
    for op in lowable:
        alone = {**tools.all_fp32(program), op: BF16}
        outputs = adapter.predictor(program.apply(alone))(traced.case.batch)
        brute = tools.error(expected, outputs)
        assert errors[op] == pytest.approx(brute, rel=0.35, abs=2e-4), op


def _waves() -> Any:
    """A dense layer beside the sine of a position up to 5 000, which bf16 has not."""
    random = np.random.default_rng(0)
    x, position = mx.sym.var("x"), mx.sym.var("position")
    layers = x
    for k in range(3):
        weight = mx.sym.var(f"dense{k}_weight")
        layers = mx.sym.FullyConnected(
            layers, weight, no_bias=True, num_hidden=16, name=f"dense{k}"
        )
    angle = mx.sym.broadcast_mul(position, mx.sym.var("waves_weight"), name="angle")
    waves = mx.sym.sin(angle, name="waves")
    symbol = mx.sym.elemwise_add(layers, waves, name="sum")
    values = {
        f"dense{k}_weight": random.standard_normal((16, 16), np.float32) / 4
        for k in range(3)
    }
    values["waves_weight"] = np.arange(1, 17, dtype=np.float32).reshape(1, 16)
    return canonical(symbol, values)


def _batch(seed: int) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    return (
        random.standard_normal((32, 16), np.float32),
        random.uniform(0, 5000, (32, 1)).astype(np.float32),
    )


class Drift:
    """Relative RMS error."""

    name = "drift"

    def reset(self) -> None:
        self.pairs: list[tuple[Any, Any]] = []

    def update(self, predictions: Any, labels: Any) -> None:
        self.pairs.append((predictions, labels))

    def result(self) -> float:
        found, expected = map(np.concatenate, zip(*self.pairs, strict=True))
        return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def test_the_culprit_is_found_and_what_is_pinned_is_computed_in_fp32(
    tools: Any,
) -> None:
    model = _waves()
    inputs = [_batch(seed) for seed in range(3)]
    expected = [adapter.predictor(model)(each)[0] for each in inputs]

    def batches() -> Iterator[tuple[Any, Any]]:
        yield from zip(inputs, expected, strict=True)

    def score(placement: Any, watch: Watch = to_the_end) -> Any:
        return evaluate(adapter.predictor(program.apply(placement)), batches, Drift)

    program = tools.trace(model, *inputs[0])
    everything = {op.id: BF16 if op.kernel(BF16) else FP32 for op in program.graph.ops}
    assert score(everything).value > 0.3
    found = search(
        program,
        score,
        low=BF16,
        objective=low_compute,
        pins=Pins(),
        criterion=Criterion(absolute=0.03, higher_is_better=False),
        baseline=evaluate(adapter.predictor(model), batches, Drift),
        budget=Budget(max_trials=20),
        progress=Terminal(io.StringIO()),
        clock=time.perf_counter,
    )
    plan = found.plans[0]
    assert score(plan.placement).value < 0.03
    assert all(plan.placement[f"dense{k}"] == BF16 for k in range(3))
    why = {k: r.why for k, r in plan.reasons.items() if r.why is not Why.FIXED}
    assert {"angle", "waves"} >= {k for k, w in why.items() if w is Why.RANGE} != set()


def test_a_pinned_op_reads_and_makes_unrounded_values(tools: Any) -> None:
    model = _waves()
    program = tools.trace(model, *_batch(0))
    pinned = tools.all_low(program, pins=["angle", "waves", "sum"])
    x, position = _batch(4)
    found = adapter.predictor(program.apply(pinned))((0 * x, position))[0]
    weight = model.parameters["waves_weight"]
    exact = np.sin(position.astype("d") * weight)
    assert tools.error([exact], [found]) < 5e-3
    careless = np.sin(rounded(position, BF16).astype("d") * weight)
    assert tools.error([exact], [careless]) > 0.3


def test_the_error_against_fp64_is_that_of_rounding(zoo: Any, tools: Any) -> None:
    """fp32 and the converted model beside a double-precision dense network."""
    traced = zoo("outputs")
    program = traced.program
    values = {k: v.astype("d") for k, v in program.prepared.network.parameters.items()}
    body, bias, head, last = values.values()
    y = traced.case.batch[0].astype("d") @ body.T + bias
    scores = y[:, 8:] @ head.T + last
    exact = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    low = tools.all_low(program)
    found = adapter.predictor(program.apply(low))(traced.case.batch)[0]
    fp32 = adapter.predictor(traced.model)(traced.case.batch)[0]
    assert tools.error([exact], [fp32]) < 1e-6
    bound = program.error(BF16, [k for k, p in low.items() if p == BF16])
    assert 1e-4 < tools.error([exact], [found]) <= 1.5 * bound
