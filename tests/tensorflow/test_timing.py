"""Timing: each distinct op once, what TensorFlow fuses as one; no speed is asserted."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import tensorflow as tf

from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.tensorflow.measuring import stopwatch
from narrowcast.runtime.graph.graph import Kind, Precision
from narrowcast.runtime.placement import latency
from narrowcast.runtime.placement.costs import X86_BF16, StaticCosts
from narrowcast.runtime.placement.measured.measured import measured_costs

BF16, FP32 = Precision.BF16, Precision.FP32


def ticking() -> Any:
    """A clock that goes on by one with each look at it."""
    seconds = count(1.0)
    return lambda: next(seconds)


def convolutions() -> tuple[Any, tuple[Any, ...]]:
    generator = np.random.default_rng(0)
    weight = generator.normal(size=(3, 3, 4, 4)).astype(np.float32) / 6

    def model(x: Any) -> Any:
        for k in range(3):
            y = tf.nn.conv2d(x, weight, 1, "SAME", name=f"conv{k}")
            y = tf.nn.bias_add(y, np.ones(4, np.float32), name=f"bias{k}")
            x = tf.nn.relu(y, name=f"act{k}")
        return tf.nn.softmax(tf.nn.relu(x + y, name="joined"), name="last")

    return model, (generator.normal(size=(2, 6, 6, 4)).astype(np.float32),)


def test_fused_ops_are_timed_as_one_and_equal_ones_once(
    freeze: Any, monkeypatch: Any
) -> None:
    function, batch = convolutions()
    program = adapter.trace(freeze(function, batch), batch, low=BF16)
    timed: list[int] = []
    interleaved = stopwatch.in_turn

    def counting(each: Any, clock: Any, seconds: float) -> Any:
        timed.append(len(next(iter(each.values()))))
        return interleaved(each, clock, seconds)

    monkeypatch.setattr(stopwatch, "in_turn", counting)
    ops = {op.id for op in program.graph.ops if op.kernel(BF16)}
    timings = program.time(BF16, ops, ticking(), 5.0)
    free = {name for (name, p), t in timings.ops.items() if not t.median}
    # bias2 is read by the addition, too, so its activation is a kernel of its own.
    assert free == {"bias0", "act0", "bias1", "act1", "bias2"}
    assert {name for name, _precision in timings.ops} == ops
    assert sorted(timed)[-2:] == [2, 3]  # conv2 with its bias; the two others are equal
    shapes = {shape for shape, _source, _target in timings.casts}
    assert shapes == {(2, 6, 6, 4)}


def test_measured_costs_place_a_model(freeze: Any) -> None:
    function, batch = convolutions()
    program = adapter.trace(freeze(function, batch), batch, low=BF16)
    static = StaticCosts(program.graph, X86_BF16)
    costs = measured_costs(program, BF16, static, ticking())
    placement = latency(costs)(program.graph, BF16, frozenset()).placement
    assert set(placement) == set(program.graph.by_id)


def test_ops_in_bodies_are_timed(traced: Any) -> None:
    program = traced("lstm")
    ops = {op.id for op in program.graph.ops if op.kind is Kind.COMPUTE}
    timings = program.time(BF16, ops, ticking(), 5.0)
    assert set(timings.ops) == {(name, p) for name in ops for p in (FP32, BF16)}


def test_whole_models_are_timed_by_their_names(traced: Any, all_low: Any) -> None:
    program = traced("shared")
    placements = {"low": all_low(program)}
    assert set(program.time_whole(placements, ticking())) == {"low"}
