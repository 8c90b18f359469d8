"""The Graph of a TensorFlow model: names, slots, FLOPs, regions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.graph.graph import REGION, Kind, Precision

BF16 = Precision.BF16


def trace(freeze: Any, function: Any, *batch: Any) -> Any:
    return adapter.trace(freeze(function, batch), batch, low=BF16)


def ones(*shape: int) -> Any:
    return np.ones(shape, np.float32)


def weight(*shape: int) -> Any:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


CONTRACTIONS = {
    "MatMul": (lambda x: tf.matmul(x, weight(6, 5)), (4, 6), 2 * 4 * 6 * 5),
    "MatMul transposed": (
        lambda x: tf.matmul(x, weight(4, 5), transpose_a=True),
        (4, 6),
        2 * 4 * 6 * 5,
    ),
    "BatchMatMulV2": (
        lambda x: tf.matmul(x, x, adjoint_b=True),
        (3, 4, 6),
        2 * 3 * 4 * 4 * 6,
    ),
    "Conv2D": (
        lambda x: tf.nn.conv2d(x, weight(3, 3, 4, 8), 1, "VALID"),
        (2, 6, 6, 4),
        2 * (2 * 4 * 4 * 8) * (3 * 3 * 4),
    ),
    "Conv2D grouped": (
        lambda x: tf.nn.conv2d(x, weight(3, 3, 2, 8), 1, "SAME"),
        (2, 6, 6, 4),
        2 * (2 * 6 * 6 * 8) * (3 * 3 * 2),
    ),
    "Conv3D": (
        lambda x: tf.nn.conv3d(x, weight(2, 2, 2, 3, 5), [1] * 5, "VALID"),
        (1, 4, 4, 4, 3),
        2 * (27 * 5) * (8 * 3),
    ),
    "DepthwiseConv2dNative": (
        lambda x: tf.nn.depthwise_conv2d(x, weight(3, 3, 4, 2), [1] * 4, "SAME"),
        (2, 5, 5, 4),
        2 * (2 * 5 * 5 * 8) * 9,
    ),
    "Conv2DBackpropInput": (
        lambda x: tf.nn.conv2d_transpose(x, weight(3, 3, 5, 4), [2, 8, 8, 5], 2),
        (2, 4, 4, 4),
        2 * (2 * 4 * 4 * 4) * (3 * 3 * 5),
    ),
    "Einsum": (
        lambda x: tf.einsum("bsh,bth->bst", x, x),
        (2, 3, 4),
        2 * 2 * 3 * 3 * 4,
    ),
}


@pytest.mark.parametrize("name", CONTRACTIONS)
def test_flops_are_those_of_the_textbook(name: str, freeze: Any) -> None:
    function, shape, flops = CONTRACTIONS[name]
    batch = (weight(*shape),)
    program = adapter.trace(freeze(function, batch, free=False), batch, low=BF16)
    (op,) = (op for op in program.graph.ops if op.kind is Kind.COMPUTE)
    assert (op.type, op.flops) == (name.split()[0], flops)
    assert op.kernel(BF16) or name == "Conv2D grouped"


def test_a_body_counts_as_often_as_it_runs(traced: Any) -> None:
    graph = traced("loop").graph
    (op,) = (op for op in graph.ops if op.kind is Kind.COMPUTE)
    assert op.flops == 5 * 2 * 3 * 6 * 6
    assert graph.runs(op) == 5


def test_ids_are_node_names_and_scopes_are_name_scopes(freeze: Any) -> None:
    def model(x: Any) -> Any:
        with tf.name_scope("block"):
            return tf.nn.relu(tf.matmul(x, weight(6, 5), name="product"), name="act")

    graph = trace(freeze, model, ones(2, 6)).graph
    assert [op.id for op in graph.ops][:2] == ["block/product", "block/act"]
    assert graph.by_id["block/act"].scope == "block"
    assert graph.by_id["block/product"].type == "MatMul"


def test_a_region_starts_with_its_entrance_and_ends_with_its_op(traced: Any) -> None:
    graph = traced("branches").graph
    entrances = [op for op in graph.ops if op.type == REGION]
    assert {op.id.rsplit("/", 1)[-1] for op in entrances} == {"true", "false"}
    order = [op.id for op in graph.ops]
    for entrance in entrances:
        caller = entrance.id.rsplit("/", 1)[0]
        inside = [op.id for op in graph.ops if op.region == entrance.id]
        places = [order.index(name) for name in (entrance.id, *inside, caller)]
        assert places == sorted(places)
        assert all(not slot.castable for slot in graph.by_id[caller].inputs)


def test_weights_of_a_loop_are_constants_of_its_body(traced: Any) -> None:
    graph = traced("lstm").graph
    inside = [op for op in graph.ops if op.type == "MatMul" and op.region]
    assert len(inside) == 4
    assert all(graph.tensors[str(op.inputs[1].tensor)].constant for op in inside)


def test_comparisons_shapes_and_positions_are_fixed(freeze: Any) -> None:
    def model(x: Any) -> Any:
        size = tf.shape(x)[0]
        chosen = tf.where(tf.greater(x, 0.0, name="greater"), x, x * 2.0)
        best = tf.cast(tf.argmax(chosen, 1, name="best"), tf.float32)
        return chosen * tf.cast(size, tf.float32) + best[:, None]

    graph = trace(freeze, model, weight(3, 4)).graph
    kinds = {op.id: op.kind for op in graph.ops}
    assert kinds["greater"] is kinds["best"] is Kind.FIXED
    assert all(
        op.kind is Kind.FIXED for op in graph.ops if op.type in {"Cast", "Shape"}
    )
    (select,) = (op for op in graph.ops if op.type == "SelectV2")
    assert [slot.castable for slot in select.inputs] == [False, True, True]


def test_batch_norm_statistics_are_fixed_slots(freeze: Any) -> None:
    def model(x: Any) -> Any:
        y, *_rest = tf.compat.v1.nn.fused_batch_norm(
            tf.nn.conv2d(x, weight(3, 3, 4, 4), 1, "SAME") * x,
            ones(4),
            0 * ones(4),
            mean=ones(4),
            variance=ones(4),
            is_training=False,
        )
        return y

    program = trace(freeze, model, weight(2, 6, 6, 4))
    (norm,) = (op for op in program.graph.ops if op.type == "FusedBatchNormV3")
    assert [slot.castable for slot in norm.inputs] == [True, False, False, False, False]
    assert norm.kernel(BF16)
    assert len(norm.outputs) == 1


def test_resizing_takes_16_bits_and_gives_fp32(freeze: Any) -> None:
    def model(x: Any) -> Any:
        return tf.image.resize(tf.nn.relu(x), (8, 8)) * 2.0

    program = trace(freeze, model, weight(1, 4, 4, 3))
    (resize,) = (op for op in program.graph.ops if op.type == "ResizeBilinear")
    kernel = resize.kernel(BF16)
    assert kernel is not None
    assert kernel.output is Precision.FP32
    low = dict.fromkeys(program.graph.by_id, BF16)
    placement = {
        op.id: low[op.id] if op.kernel(BF16) else Precision.FP32
        for op in program.graph.ops
    }
    nodes = {node.name: node for node in program.apply(placement).graph_def.node}
    assert nodes[resize.id].attr["T"].type == tf.bfloat16.as_datatype_enum


def test_an_op_without_a_kernel_says_why(freeze: Any) -> None:
    def model(x: Any) -> Any:
        return tf.linalg.inv(x @ x + tf.eye(4)) @ x

    program = trace(freeze, model, weight(4, 4))
    (op,) = (op for op in program.graph.ops if op.type == "MatrixInverse")
    assert not op.kernel(BF16)
    assert op.id not in program.probes or program.probes[op.id].message


def test_a_shared_function_is_converted_for_each_of_its_calls(freeze: Any) -> None:
    """Two calls of one function, in two precisions."""
    weights = tf.constant(weight(6, 6))

    @tf.function(autograph=False)
    def layer(x: Any) -> Any:
        return tf.while_loop(
            lambda k, _y: k < 2, lambda k, y: (k + 1, tf.matmul(y, weights)), (0, x)
        )[1]

    def model(x: Any) -> Any:
        return layer(layer(x))

    batch = (weight(3, 6),)
    given = freeze(model, batch)
    program = adapter.trace(given, batch, low=BF16)
    one, other = (op.id for op in program.graph.ops if op.type == "MatMul")
    fp32 = dict.fromkeys(program.graph.by_id, Precision.FP32)
    converted = program.apply(fp32 | {one: BF16})
    types = sorted(
        node.attr["T"].type
        for function in converted.graph_def.library.function
        for node in function.node_def
        if node.op == "MatMul"
    )
    assert types == [tf.float32.as_datatype_enum, tf.bfloat16.as_datatype_enum]
    assert one != other


def test_inputs_come_in_the_order_that_the_spec_declares(zoo: Any) -> None:
    case = zoo("attention")
    names = [each.name for each in case.model.signature.inputs]
    declared = [Input(name) for name in reversed(names)]
    batch = tuple(reversed(case.batch))
    program = adapter.trace(case.model, batch, low=BF16, inputs=declared)
    assert program.graph.inputs != ()
    fp32 = dict.fromkeys(program.graph.by_id, Precision.FP32)
    found = adapter.predictor(program.apply(fp32))(batch)
    np.testing.assert_allclose(
        found[0], case.model(case.batch)[0], rtol=1e-4, atol=1e-5
    )
    with pytest.raises(DataError, match=r"Did you mean `input_[01]"):
        adapter.predictor(case.model, [Input("input_O"), declared[0]])


def test_deep_graphs_need_no_recursion(freeze: Any) -> None:
    def model(x: Any) -> Any:
        for _ in range(1500):
            x = tf.nn.relu(x + 0.01)
        return tf.matmul(x, weight(4, 4))

    program = trace(freeze, model, ones(2, 4))
    assert len(program.graph.ops) > 3000
    low = {
        op.id: BF16 if op.kernel(BF16) else Precision.FP32 for op in program.graph.ops
    }
    assert adapter.predictor(program.apply(low))((ones(2, 4),))[0].shape == (2, 4)
