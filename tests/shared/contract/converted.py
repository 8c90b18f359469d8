"""What `apply` makes of a placement."""

from __future__ import annotations

import numpy as np
from zoo import MODELS

from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.frameworks.protocol import Restarts, restart
from narrowcast.runtime.graph.graph import Kind, Precision
from narrowcast.runtime.graph.pins import Pins, user_pins

from .members import NOISE
from .numbers import APART, PLAIN
from .promise import ALL, promise
from .subject import Subject

ROUNDING = {Precision.BF16: 2**-5, Precision.FP16: 2**-8}
"""Half a unit in the last place is 2^-9 and 2^-12; a few ops in a row add up."""


@promise("apply", models=[n for n in ALL if n != "mlp"])
def all_in_fp32_is_the_model_as_loaded(s: Subject, name: str) -> None:
    pairs = zip(s.reference(name), s.converted(name, "fp32"), strict=True)
    for expected, found in pairs:
        assert found.dtype == expected.dtype and found.shape == expected.shape
        if expected.dtype.kind == "f":
            assert relative_error(expected, found) < NOISE
        else:
            np.testing.assert_array_equal(found, expected)


@promise("apply", models=PLAIN)
def all_low_is_as_far_off_as_rounding_makes_it(s: Subject, name: str) -> None:
    """And its outputs have the dtypes and shapes that they had."""
    reference, found = s.reference(name), s.converted(name)
    for expected, value in zip(reference, found, strict=True):
        assert value.dtype == expected.dtype and value.shape == expected.shape
    errors = map(relative_error, reference, found)
    assert 0 < max(errors) < ROUNDING[s.low]


@promise("apply", models=["mlp", "residual", "outputs", "embedding", "loop"])
def only_what_is_placed_low_rounds(s: Subject, name: str) -> None:
    """One contraction alone is as far off as `error` says: the others are in fp32."""
    traced = s.traced(name)
    able = [op for op in traced.graph.ops if op.kind is Kind.COMPUTE]
    placement = dict(s.placement(name, "fp32"))
    chosen = able[-1].id
    tied = next((group for group in traced.graph.equal if chosen in group), {chosen})
    placement |= dict.fromkeys(tied, s.low)
    predict = s.adapter.predictor(traced.apply(placement))
    pairs = zip(s.reference(name), predict(s.batch(name)), strict=True)
    found = max(relative_error(a, b) for a, b in pairs)
    told = traced.error(s.low, tied)
    assert told > 0 and told / APART <= found <= APART * told


@promise("graph", models=["mlp", "residual"])
def a_pin_on_what_was_folded_or_dropped_holds(s: Subject, name: str) -> None:
    """A user's own name is never no op of the model: a neighbour has it."""
    graph = s.traced(name).graph
    for step in MODELS[name].dropped:
        held = user_pins(graph, Pins(names={s.zoo.pattern(step): "spec"}))
        assert held
        assert all(graph.by_id[op].kernel(s.low) for op in held)


@promise("graph", models=["residual"])
def a_pin_on_a_batch_norm_holds_its_convolution(s: Subject, name: str) -> None:
    """In the file: the weight that it was folded into stays fp32."""
    traced = s.traced(name)
    held = user_pins(traced.graph, Pins(names={s.zoo.pattern("norm"): "spec"}))
    groups = [group for group in traced.graph.equal if group & held.keys()]
    pinned = dict.fromkeys(set(held).union(*groups), Precision.FP32)
    model = traced.apply({**s.placement(name), **pinned})
    path = traced.save(model, s.empty() / s.zoo.FILE)
    kernel = sorted(MODELS[name].weights["conv.weight"].shape)
    for contents, dtype in (
        (s.zoo.contents(path), "float32"),
        (s.contents(name), s.low.dtype),
    ):
        found = {d for shape, d in contents.weights if sorted(shape) == kernel}
        assert found == {dtype}


@promise("apply", models=["state"])
def state_starts_where_the_model_was_loaded(s: Subject, name: str) -> None:
    """It carries from call to call, comes back, and nothing else that ran has moved it."""
    traced, batch = s.traced(name), s.batch(name)
    low = [key for key, each in s.placement(name).items() if each is s.low]
    assert traced.error(s.low, low) == traced.error(s.low, low)
    loaded = s.adapter.predictor(s.zoo.build(name, s.empty()))
    for predict in (
        loaded,
        s.predictor(name),
        s.predictor(name),
        s.adapter.load_saved(s.saved(name)),
    ):
        assert isinstance(predict, Restarts)
        assert [float(predict(batch)[1][0]) for _ in range(2)] == [1, 2]
        restart(predict)
        assert [float(predict(batch)[1][0]) for _ in range(2)] == [1, 2]
    # A model as loaded has been called before it is traced.
    model = s.zoo.build(name, s.empty())
    s.adapter.predictor(model)(batch)
    again = s.adapter.trace(model, batch, low=s.low, inputs=s.inputs(name))
    assert again.graph.fingerprint() == traced.graph.fingerprint()
    writers = [op for op in traced.graph.ops if op.kind is Kind.FIXED]
    assert writers
    assert all(s.placement(name)[op.id] is Precision.FP32 for op in writers)
