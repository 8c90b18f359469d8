"""The adjoint sketch is the square of the output error that each op alone causes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import one_model
import pytest
import tensorflow as tf
from scipy.stats import spearmanr

from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.graph.graph import Precision

BF16, FP16 = Precision.BF16, Precision.FP16
Freeze = Callable[..., Any]


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def roots(program: Any, low: Precision = BF16, **options: int) -> Mapping[str, float]:
    """Op id → what the sketch says of its output error."""
    ops = [op.id for op in program.graph.ops if op.kernel(low)]
    found = program.sketch(low, ops, **options)
    return {name: math.sqrt(value) for name, value in found.items()}


@pytest.fixture(params=["digits", "mobilenet"])
def program(request: pytest.FixtureRequest, net: Any, freeze: Freeze) -> Any:
    """The trained CNN on real digits, and a net of keras.applications."""
    if request.param not in PROGRAMS:
        PROGRAMS[request.param] = made(request.param, net, freeze)
    return PROGRAMS[request.param]


PROGRAMS: dict[str, Any] = {}


def made(name: str, net: Any, freeze: Freeze) -> Any:
    if name == "digits":
        images = one_model.digits()[0].transpose(0, 2, 3, 1)[:16]
        batch = (np.ascontiguousarray(images),)
        return adapter.trace(freeze(net, batch), batch, low=BF16)
    keras.utils.set_random_seed(0)
    options = {"weights": None, "classes": 10, "classifier_activation": None}
    mobilenet = keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, **options)
    batch = (normal(4, 32, 32, 3),)
    return adapter.trace(freeze(mobilenet, batch), batch, low=BF16)


def test_it_is_the_error_of_brute_force(program: Any) -> None:
    probes = 8 if len(program.graph.ops) < 50 else 16
    found = roots(program, probes=probes)
    errors = {op: program.error(BF16, (op,)) for op in found}
    assert len(found) == sum(op.kernel(BF16) is not None for op in program.graph.ops)
    heard = [op for op in found if errors[op] > 0.02 * max(errors.values())]
    assert len(heard) >= 15
    assert (
        spearmanr([found[op] for op in heard], [errors[op] for op in heard])[0] >= 0.95
    )
    ratios = [found[op] / errors[op] for op in heard]
    assert 0.9 < np.median(ratios) < 1.1
    assert min(ratios) > 0.6 and max(ratios) < 1.5


def test_four_probes_rank_where_samples_are_apart(program: Any) -> None:
    """There are as many more of them as samples."""
    found = roots(program)
    errors = {op: program.error(BF16, (op,)) for op in found}
    total = sum(error**2 for error in errors.values())
    assert 0.5 * total < sum(root**2 for root in found.values()) < 2 * total
    heard = [op for op in found if errors[op] > 0.02 * max(errors.values())]
    assert (
        spearmanr([found[op] for op in heard], [errors[op] for op in heard])[0] > 0.85
    )


def test_samples_may_see_each_other(freeze: Freeze) -> None:
    """Samples are apart before the mean over the batch is taken, not behind it."""
    weight = normal(6, 6)

    def model(x: Any) -> Any:
        product = tf.tanh(tf.matmul(x, weight, name="product"))
        mean = tf.reduce_mean(product, 0, keepdims=True)
        return tf.add(tf.multiply(mean, 3.0, name="thrice"), 0.1 * x, name="sum")

    batch = (normal(40, 6, seed=1),)
    program = adapter.trace(freeze(model, batch), batch, low=BF16)
    found = roots(program, probes=256)
    for op in ("product", "thrice", "sum"):
        assert found[op] == pytest.approx(program.error(BF16, (op,)), rel=0.2)


def test_all_iterations_of_a_loop_count(traced: Any) -> None:
    """An iteration's rounding depends on what the one before left, which the sketch
    does not see: single ops may be off, in the median they are not."""
    program = traced("lstm")
    found = roots(program, probes=32)
    inside = [op for op in found if program.graph.by_id[op].region]
    errors = {op: program.error(BF16, (op,)) for op in inside}
    heard = [op for op in inside if errors[op] > 0.02 * max(errors.values())]
    assert len(heard) >= 20
    ratios = [found[op] / errors[op] for op in heard]
    assert 0.85 < np.median(ratios) < 1.15
    assert min(ratios) > 0.4 and max(ratios) < 2.5


def test_an_argmax_tail_is_cut_off(freeze: Freeze) -> None:
    weight, bias = normal(6, 4), normal(4)

    def classify(x: Any) -> Any:
        logits = tf.add(tf.matmul(x, weight, name="product"), bias, name="logits")
        return tf.argmax(tf.tanh(logits, name="bent"), 1)

    batch = (normal(50, 6, seed=1),)
    program = adapter.trace(freeze(classify, batch), batch, low=BF16)
    found = roots(program, probes=64)
    assert found.keys() >= {"product", "logits", "bent"}
    for op in ("product", "logits", "bent"):
        assert found[op] == pytest.approx(program.error(BF16, (op,)), rel=0.3)


def test_outputs_count_by_their_own_size(freeze: Freeze) -> None:
    """Two outputs 10^4 apart: what rounds the small one is as bad as in the large."""
    weight, other = normal(6, 8), normal(6, 8, seed=2)

    def both(scale: float) -> Any:
        def model(x: Any) -> Any:
            small = tf.tanh(tf.matmul(x, weight, name="small"))
            large = tf.tanh(tf.matmul(x, other, name="large"))
            return small, tf.multiply(large, scale, name="boxes")

        return model

    batch = (normal(40, 6, seed=1),)
    programs = [
        adapter.trace(freeze(both(scale), batch), batch, low=BF16)
        for scale in (1.0, 2.0**13)
    ]
    plain, apart = (roots(program, probes=64) for program in programs)
    for op in ("small", "large"):
        assert apart[op] == pytest.approx(plain[op], rel=1e-4)
        assert apart[op] == pytest.approx(programs[1].error(BF16, (op,)), rel=0.3)


def test_ops_behind_one_without_a_gradient_are_missing(freeze: Freeze) -> None:
    """Also those that reach the output on another way: that is not all they do."""
    weight = normal(8, 8)

    def model(x: Any) -> Any:
        behind = tf.tanh(tf.matmul(x, weight, name="behind"), name="bent")
        areas = tf.raw_ops.ResizeArea(
            images=behind[:, :, None, None], size=[8, 1], align_corners=False
        )
        seen = tf.matmul(x, weight, name="seen")
        return tf.add(areas[:, :, 0, 0], seen + behind, name="sum")

    batch = (normal(5, 8, seed=1),)
    program = adapter.trace(freeze(model, batch), batch, low=BF16)
    found = program.sketch(BF16, ["behind", "bent", "seen", "sum"])
    assert found.keys() == {"seen", "sum"}
    assert program.error(BF16, ["behind"]) > 0


def test_flat_ops_let_nothing_through(freeze: Freeze) -> None:
    weight = normal(8, 8)

    def model(x: Any) -> Any:
        product = tf.matmul(x, weight, name="product")
        return tf.round(product) + 0.5 * tf.matmul(x, weight, name="seen")

    batch = (normal(5, 8, seed=1),)
    program = adapter.trace(freeze(model, batch), batch, low=BF16)
    assert program.sketch(BF16, ["product", "seen"]).keys() == {"seen"}


def test_what_is_stopped_in_training_is_not_stopped_here(freeze: Freeze) -> None:
    weight = normal(6, 6)

    def model(x: Any) -> Any:
        return tf.tanh(tf.stop_gradient(tf.matmul(x, weight, name="product")))

    batch = (normal(30, 6, seed=1),)
    program = adapter.trace(freeze(model, batch), batch, low=BF16)
    error = program.error(BF16, ["product"])
    assert roots(program, probes=64)["product"] == pytest.approx(error, rel=0.3)


def test_branches_that_are_not_taken_are_missing(traced: Any) -> None:
    program = traced("branches")
    found = roots(program)
    inside = {op.id for op in program.graph.ops if op.region and op.kernel(BF16)}
    taken = {op for op in inside if op in found}
    assert taken and inside - taken
    assert all(program.error(BF16, (op,)) > 0 for op in taken)


def test_what_overflows_is_infinite(freeze: Freeze) -> None:
    weight = normal(6, 4)

    def model(x: Any) -> Any:
        large = tf.multiply(x, 1e6, name="large")
        small = tf.multiply(large, 1e-6, name="small")
        return tf.matmul(small, weight, name="product")

    batch = (1 + abs(normal(5, 6, seed=1)),)
    program = adapter.trace(freeze(model, batch), batch, low=FP16)
    found = program.sketch(FP16, ["large", "product"])
    assert found["large"] == math.inf == program.error(FP16, ["large"])
    assert 0 < found["product"] < 1e-5


def test_one_seed_gives_one_result(traced: Any) -> None:
    program = traced("attention")
    ops = [op.id for op in program.graph.ops if op.kernel(BF16)]
    first = program.sketch(BF16, ops, seed=3)
    assert program.sketch(BF16, ops, seed=3) == first
    other = program.sketch(BF16, ops, seed=4)
    assert other.keys() == first.keys() and other != first


def test_only_what_is_asked_for_is_sketched(traced: Any) -> None:
    program = traced("residual")
    ops = [op for op in program.graph.ops if op.kernel(BF16)]
    assert program.sketch(BF16, []) == {}
    everything = program.sketch(BF16, [op.id for op in ops], seed=1)
    for op in ops[:3]:
        alone = program.sketch(BF16, [op.id], seed=1)
        assert alone == {op.id: pytest.approx(everything[op.id])}
