"""What is measured on the calibration batch: units, keys, and where it is infinite."""

from __future__ import annotations

import itertools
import math

import numpy as np
from zoo import MODELS

from narrowcast.runtime.common.timing import Clock, Latency
from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.graph.graph import Kind, Precision

from .promise import promise
from .subject import Subject

FP32, FP16, BF16 = Precision.FP32, Precision.FP16, Precision.BF16
SECONDS = 0.001
APART = 3
"""Times that two measures of one error may differ: kernels round in different orders,
and imitated ones after each op, where a runtime keeps some values in fp32."""

PLAIN = ("mlp", "residual", "outputs", "embedding", "shared", "loop", "branch", "state")


def ticking() -> Clock:
    """A clock on which one second passes between two looks at it."""
    return map(float, itertools.count()).__next__


@promise("statistics", models=["three"])
def statistics_are_shares_of_real_values(s: Subject, name: str) -> None:
    """In fp16 `a` overflows, `b` is whole and changes, `c` becomes zero."""
    traced = s.traced(name)
    graph, found = traced.graph, traced.statistics(FP16)
    floating = {n for n, tensor in graph.tensors.items() if tensor.floating}
    assert found.keys() == floating
    a, b, c = (found[tensor] for tensor in graph.inputs)
    arrays = dict(zip(graph.inputs, MODELS[name].batch, strict=True))
    for tensor, array in arrays.items():
        assert found[tensor].largest == np.abs(array).max()
    whole = MODELS[name].batch
    assert a.overflow == np.mean(abs(whole[0]) >= 65520)
    assert (a.flushed, a.inexact) == (0, 0)
    assert (b.overflow, b.flushed, b.inexact) == (0, 0, 1)
    assert (c.overflow, c.flushed, c.inexact) == (0, 1, 0)
    in_bf16 = traced.statistics(BF16)
    assert [in_bf16[n].overflow for n in graph.inputs] == [0, 0, 0]
    assert [in_bf16[n].flushed for n in graph.inputs] == [0, 0, 0]


@promise("error", models=PLAIN)
def the_error_is_that_of_the_converted_model(s: Subject, name: str) -> None:
    """RMS of the difference over RMS of the output, the largest over the outputs."""
    traced, placement = s.traced(name), s.placement(name)
    low = [key for key, precision in placement.items() if precision is s.low]
    pairs = zip(s.reference(name), s.converted(name), strict=True)
    found = max(relative_error(a, b) for a, b in pairs)
    told = traced.error(s.low, low)
    assert 0 < found < 1
    assert found / APART <= told <= APART * found
    assert traced.error(s.low, low) == told


@promise("error", models=PLAIN)
def no_op_low_is_no_error_and_each_contraction_has_one(s: Subject, name: str) -> None:
    traced = s.traced(name)
    assert traced.error(s.low, ()) == 0
    low = [key for key, each in s.placement(name).items() if each is s.low]
    whole = traced.error(s.low, low)
    for op in traced.graph.ops:
        if op.kind is Kind.COMPUTE:
            alone = traced.error(s.low, [op.id])
            assert 0 < alone < 5 * whole, op.id


@promise("error", models=["edge"])
def an_output_that_becomes_infinite_is_an_infinite_error(s: Subject, name: str) -> None:
    traced = s.traced(name)
    able = [op.id for op in traced.graph.ops if op.kernel(s.low)]
    assert able
    assert math.isinf(traced.error(s.low, able))


@promise("sketch", models=["mlp", "residual", "outputs", "shared"])
def the_sketch_is_the_squared_error_to_first_order(s: Subject, name: str) -> None:
    traced = s.traced(name)
    compute = [op.id for op in traced.graph.ops if op.kind is Kind.COMPUTE]
    found = traced.sketch(s.low, compute, probes=32, seed=1)
    if not s.side.differentiates:
        assert found == {}
        return
    assert found.keys() == set(compute)
    outputs = len(MODELS[name].outputs)
    for op, square in found.items():
        error = traced.error(s.low, [op])
        assert error**2 / 4 <= square <= 4 * outputs * error**2, op
    assert traced.sketch(s.low, compute, probes=32, seed=1) == found
    assert traced.sketch(s.low, compute, probes=32, seed=2) != found


@promise("sketch", models=["edge"])
def the_sketch_is_infinite_where_an_op_becomes_so(s: Subject, name: str) -> None:
    traced = s.traced(name)
    able = [op.id for op in traced.graph.ops if op.kernel(s.low)]
    found = traced.sketch(s.low, able)
    assert found.keys() == (set(able) if s.side.differentiates else set())
    assert all(map(math.isinf, found.values()))


@promise("time", models=["mlp", "embedding"])
def all_ops_and_casts_are_timed_in_both_precisions(s: Subject, name: str) -> None:
    traced = s.traced(name)
    graph = traced.graph
    able = {op.id for op in graph.ops if op.kernel(s.low)}
    found = traced.time(s.low, able, ticking(), SECONDS)
    assert found.ops.keys() == {(op, p) for op in able for p in (FP32, s.low)}
    shapes = {t.shape for t in graph.tensors.values() if t.floating and not t.constant}
    both = ((FP32, s.low), (s.low, FP32))
    assert found.casts.keys() == {(shape, *each) for shape in shapes for each in both}
    for each in (*found.ops.values(), *found.casts.values()):
        _check_latency(each)
    assert all(each.runs for each in found.ops.values())


@promise("time_whole")
def whole_models_are_timed_by_the_clock(s: Subject, name: str) -> None:
    traced = s.traced(name)
    placements = {kind: s.placement(name, kind) for kind in ("fp32", "low")}
    found = traced.time_whole(placements, ticking())
    assert found.keys() == placements.keys()
    for each in found.values():
        _check_latency(each)
        assert (each.low, each.median, each.high) == (1, 1, 1)
    assert len({each.runs for each in found.values()}) == 1


def _check_latency(each: Latency) -> None:
    assert 0 <= each.low <= each.median <= each.high < math.inf
    assert each.runs >= 0
