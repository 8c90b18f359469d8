"""Errors of single ops are those of models that were converted for each of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.graph.graph import Kind, Precision

BF16, FP16, FP32 = Precision.BF16, Precision.FP16, Precision.FP32


@pytest.mark.parametrize("name", ["attention", "loop", "residual", "shared"])
def test_errors_are_those_of_brute_force(name: str, traced: Any, zoo: Any) -> None:
    """But for the kernels' order of summation, which differs between graph and op."""
    program, case = traced(name), zoo(name)
    ops = [op for op in program.graph.ops if op.kernel(BF16)]
    chosen = [op.id for op in ops if op.kind is not Kind.MOVER][:12]
    errors = {op: program.error(BF16, (op,)) for op in chosen}
    everything = dict.fromkeys(program.graph.by_id, FP32)
    expected = adapter.predictor(program.apply(everything))(case.batch)
    for op in chosen:
        model = program.apply(everything | {op: BF16})
        found = adapter.predictor(model)(case.batch)
        error = max(map(relative_error, expected, found))
        assert error / 2 - 3e-6 <= errors[op] <= error * 2 + 3e-6
    assert any(errors.values())


@pytest.mark.parametrize(
    ("name", "low", "most"),
    [
        ("attention", BF16, 1.1),
        ("embedding", FP16, 1.1),
        ("shared", BF16, 1.1),
        ("depthwise", BF16, 1.5),
        ("depthwise", FP16, 1.5),
        ("residual", BF16, 1.5),
        ("gru", BF16, 2.0),
        ("lstm", FP16, 2.0),
    ],
)
def test_errors_of_groups_are_those_of_converted_models(
    name: str, low: Precision, most: float, traced: Any, zoo: Any
) -> None:
    """Op by op they are the same. A contraction with bias and activation is one kernel
    in the converted model, and rounds once where three ops round thrice. A loop takes
    what a fused kernel rounded otherwise through all its iterations."""
    program, case = traced(name, low), zoo(name)
    everything = dict.fromkeys(program.graph.by_id, FP32)
    expected = adapter.predictor(program.apply(everything))(case.batch)
    ops = [op.id for op in program.graph.ops if op.kernel(low)]
    generator = np.random.default_rng(0)
    for share in (0.25, 0.5, 0.75, 1.0):
        group = [name for name in ops if generator.random() < share] or ops
        model = program.apply(everything | dict.fromkeys(group, low))
        found = adapter.predictor(model)(case.batch)
        error = max(map(relative_error, expected, found))
        assert error / most <= program.error(low, group) <= error * most


def test_one_graph_serves_all_errors(traced: Any) -> None:
    program = traced("residual")
    ops = [op.id for op in program.graph.ops if op.kernel(BF16)]
    alone = [program.error(BF16, (name,)) for name in ops]
    nothing, everything = program.error(BF16, ()), program.error(BF16, ops)
    assert nothing == 0.0 < everything
    assert [program.error(BF16, (name,)) for name in reversed(ops)] == alone[::-1]
    assert program.error(BF16, ops) == everything


def test_integer_outputs_are_judged_by_what_feeds_them(freeze: Any) -> None:
    weight = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)

    def classify(x: Any) -> Any:
        return tf.argmax(tf.matmul(x, weight, name="product"), 1)

    batch = (np.random.default_rng(1).normal(size=(5, 6)).astype(np.float32),)
    program = adapter.trace(freeze(classify, batch), batch, low=BF16)
    assert 1e-4 < program.error(BF16, ["product"]) < 1e-2


def test_ops_of_a_branch_that_is_not_taken_are_probed_and_judged(traced: Any) -> None:
    program = traced("branches")
    taken = [op for op in program.graph.ops if op.kind is Kind.COMPUTE]
    assert len(taken) == 3
    assert all(op.kernel(BF16) for op in taken)
    assert all(1e-4 < program.error(BF16, (op.id,)) < 0.05 for op in taken)


def test_a_loop_that_rounding_keeps_from_ending_is_an_infinite_error(
    freeze: Any, all_low: Any
) -> None:
    def count(x: Any) -> Any:
        def step(total: Any, y: Any) -> Any:
            return tf.add(total, 1.0, name="count"), y * 0.5

        start = tf.reduce_sum(x) * 0.0 + 250.0
        return tf.while_loop(lambda total, _y: total < 260.0, step, (start, x))[1]

    batch = (np.ones((2, 3), np.float32),)
    program = adapter.trace(freeze(count, batch), batch, low=BF16)
    name = next(op.id for op in program.graph.ops if op.id.endswith("/count"))
    assert program.error(BF16, [name]) == math.inf
    placement = dict.fromkeys(program.graph.by_id, FP32) | {name: BF16}
    with pytest.raises(ModelError, match="keeps a loop from ending"):
        program.apply(placement)


@pytest.mark.parametrize("name", ["attention", "depthwise", "gru", "residual"])
def test_error_against_fp64_is_that_of_the_rounding(
    name: str, traced: Any, zoo: Any, all_low: Any
) -> None:
    """A mixed placement is no further from fp64 than all ops low, within a third."""
    program, case = traced(name), zoo(name)
    exact = in_fp64(case)
    lowest = all_low(program)
    mixed = {
        op.id: lowest[op.id] if op.kind is Kind.COMPUTE else FP32
        for op in program.graph.ops
    }
    worst, found = (
        relative_error(
            exact, adapter.predictor(program.apply(placement))(case.batch)[0]
        )
        for placement in (lowest, mixed)
    )
    assert 1e-4 < found <= 1.34 * worst < 0.05


def in_fp64(case: Any) -> Any:
    """The model's first output, every fp32 tensor of its graph made fp64."""
    graph_def = tf.compat.v1.GraphDef()
    graph_def.CopyFrom(case.model.frozen.graph_def)
    inside = [n for f in graph_def.library.function for n in f.node_def]
    single, double = tf.float32.as_datatype_enum, tf.float64.as_datatype_enum
    for node in (*graph_def.node, *inside):
        for value in node.attr.values():
            if value.type == single:
                value.type = double
            if value.HasField("list"):
                types = value.list.type
                types[:] = [double if each == single else each for each in types]
        if node.op == "Const" and node.attr["value"].tensor.dtype == single:
            tensor = node.attr["value"].tensor
            wide = tf.make_ndarray(tensor).astype(np.float64)
            tensor.CopyFrom(tf.make_tensor_proto(wide))
    for function in graph_def.library.function:
        function.signature.name += "_fp64"
        arguments = (*function.signature.input_arg, *function.signature.output_arg)
        for each in arguments:
            each.type = double if each.type == single else each.type
    for node in (*graph_def.node, *inside):
        for value in node.attr.values():
            if value.HasField("func"):
                value.func.name += "_fp64"
    signature = case.model.signature
    wrapped = tf.compat.v1.wrap_function(
        lambda: tf.graph_util.import_graph_def(graph_def, name=""), []
    )
    pruned = wrapped.prune(
        [wrapped.graph.get_tensor_by_name(e.tensor) for e in signature.inputs],
        wrapped.graph.get_tensor_by_name(signature.outputs[0].tensor),
    )
    batch = [
        value.astype(np.float64) if value.dtype == np.float32 else value
        for value in case.batch
    ]
    return pruned(*map(tf.constant, batch)).numpy().astype(np.float32)
