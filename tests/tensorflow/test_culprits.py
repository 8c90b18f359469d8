"""A pinned op really computes in fp32, and the search finds what must be pinned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from placements import able_low

from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.graph.graph import Kind, Precision
from narrowcast.runtime.graph.pins import Pins, user_pins
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search.limits.ranges import find_ranges

BF16, FP32 = Precision.BF16, Precision.FP32


def cancelling() -> tuple[Any, tuple[Any, ...]]:
    """A small difference of large products: in bf16 nothing is left of it."""
    generator = np.random.default_rng(0)
    weight = generator.normal(size=(8, 8)).astype(np.float32)
    near = weight + 1e-3 * generator.normal(size=(8, 8)).astype(np.float32)
    rest = generator.normal(size=(8, 4)).astype(np.float32)

    def model(x: Any) -> Any:
        large = tf.matmul(x, weight, name="large")
        like = tf.matmul(x, near, name="like")
        small = tf.subtract(large, like, name="small")
        return (
            tf.matmul(tf.nn.tanh(x, name="act"), rest, name="rest")
            + tf.concat([small[:, :2], small[:, 2:4]], 1) * 1e3
        )

    return model, (generator.normal(size=(16, 8)).astype(np.float32),)


def test_pinned_culprits_are_computed_in_fp32(freeze: Any) -> None:
    function, batch = cancelling()
    model = freeze(function, batch)
    program = adapter.trace(model, batch, low=BF16)
    expected = model(batch)
    pins = user_pins(program.graph, Pins(names={"large|like|small": "here"}))
    assert set(pins) == {"large", "like", "small"}
    broken = adapter.predictor(program.apply(able_low(program)))(batch)
    assert relative_error(expected[0], broken[0]) > 0.5
    placement = low_compute(program.graph, BF16, frozenset(pins)).placement
    assert placement["rest"] is BF16
    found = adapter.predictor(program.apply(placement))(batch)
    assert relative_error(expected[0], found[0]) < 0.02


def test_pins_are_by_name_by_scope_and_by_type(traced: Any) -> None:
    graph = traced("lstm").graph
    by_type = user_pins(graph, Pins(types={"matmul": "here"}))
    assert {graph.by_id[name].type for name in by_type} == {"MatMul"}
    assert len(by_type) == 5  # two in each loop, and the dense layer
    loops = [op.id for op in graph.ops if op.type == "While"]
    whole = user_pins(graph, Pins(names={loops[0]: "here"}))
    inside = [op.id for op in graph.ops if op.within(loops[0])]
    assert set(inside) <= set(whole)
    local = next(op for op in graph.ops if op.type == "Tanh" and op.region)
    name = local.id.removeprefix(f"{local.region}/")
    assert set(user_pins(graph, Pins(names={name: "here"}))) == {local.id}


def test_pinned_loops_compute_what_the_model_computes(traced: Any, zoo: Any) -> None:
    program, case = traced("loop"), zoo("loop")
    inside = [op.id for op in program.graph.ops if op.region]
    placement = low_compute(program.graph, BF16, frozenset(inside)).placement
    found = adapter.predictor(program.apply(placement))(case.batch)
    assert relative_error(case.model(case.batch)[0], found[0]) < 1e-6


def test_positions_that_reach_a_sine_stay_fp32(freeze: Any) -> None:
    def waves(x: Any, t: Any) -> Any:
        angle = tf.multiply(t[:, None], tf.range(1.0, 9.0), name="angle")
        weight = np.random.default_rng(1).normal(size=(8, 8)).astype(np.float32)
        return tf.matmul(x, weight, name="product") + tf.sin(angle, name="wave")

    batch = (
        np.random.default_rng(0).normal(size=(6, 8)).astype(np.float32),
        np.arange(1000, 1006, dtype=np.float32),
    )
    program = adapter.trace(freeze(waves, batch), batch, low=BF16)
    ranges = find_ranges(program, BF16, frozenset())
    assert {"wave", "angle"} & set(ranges.pins)
    assert "product" not in ranges.pins


def test_masks_that_overflow_fp16_are_harmless(traced: Any) -> None:
    program = traced("attention", Precision.FP16)
    ranges = find_ranges(program, Precision.FP16, frozenset())
    kinds = {program.graph.by_id[name].kind for name in ranges.pins}
    assert Kind.COMPUTE not in kinds
    assert ranges.excused


def test_what_a_pin_reads_comes_in_fp32(traced: Any, all_low: Any) -> None:
    """No op beside the pinned one changes: casts stand around what is low."""
    program = traced("residual")
    for name in _computing(program):
        placement = all_low(program) | {name: FP32}
        nodes = {n.name: n for n in program.apply(placement).graph_def.node}
        pinned = nodes[name]
        assert pinned.attr["T"].type == tf.float32.as_datatype_enum
        for reference in pinned.input:
            maker = nodes[reference.split(":")[0]]
            kind = "DstT" if maker.op == "Cast" else "dtype"
            assert maker.op in {"Cast", "Const", "Placeholder"}
            assert maker.attr[kind].type == tf.float32.as_datatype_enum


def _computing(program: Any) -> Iterator[str]:
    return (op.id for op in program.graph.ops if op.kind is Kind.COMPUTE)
