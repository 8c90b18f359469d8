"""Frozen `.pb` files: named and inferred ends, old control flow, cut graphs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from narrowcast.runtime.common.errors import DataError, ModelError
from narrowcast.runtime.evaluation.data.random.synthetic import random_inputs
from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.tensorflow import load_frozen_graph, signature
from narrowcast.runtime.graph.graph import Precision

v1 = tf.compat.v1


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


BATCH = random(2, 4)


def written(path: Path, build: Callable[[Any], Any], *, v2: bool = True) -> Any:
    """Save a graph as TensorFlow 1's freeze_graph left it; what it computes."""
    (v1.enable_control_flow_v2 if v2 else v1.disable_control_flow_v2)()
    try:
        with tf.Graph().as_default() as graph, v1.Session() as session:
            x = v1.placeholder(tf.float32, [None, 4], name="x")
            y = tf.identity(build(x), name="y")
            expected = session.run(y, {x: BATCH})
    finally:
        v1.enable_control_flow_v2()
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return expected


def control(x: Any) -> Any:
    weight = tf.constant(random(4, 4))
    x = v1.cond(
        tf.reduce_sum(x) > -100, lambda: x @ weight, lambda: tf.nn.relu(x @ weight)
    )
    return v1.while_loop(
        lambda k, _: k < 3, lambda k, y: (k + 1, tf.tanh(y @ weight)), [0, x]
    )[1]


def dense(x: Any) -> Any:
    hidden = tf.nn.relu(tf.matmul(x, random(4, 3), name="fc1/MatMul"), name="fc1/Relu")
    parts = tf.split(hidden, 3, axis=1, name="parts")
    return tf.concat(parts[::-1], 1)


def test_ends_are_inferred(tmp_path: Path) -> None:
    expected = written(tmp_path / "m.pb", dense)
    model = load_frozen_graph(tmp_path / "m.pb")
    assert signature(model) == (Input("x", ("batch", 4), "float32"),)
    assert [each.name for each in model.signature.outputs] == ["y"]
    np.testing.assert_allclose(model((BATCH,))[0], expected, rtol=1e-5)


@pytest.mark.parametrize("v2", [True, False])
def test_branches_and_loops_compute_the_same_frozen(
    v2: bool, tmp_path: Path, run: Callable[..., Any]
) -> None:
    expected = written(tmp_path / "m.pb", control, v2=v2)
    model = load_frozen_graph(tmp_path / "m.pb", inputs=["x:0"], outputs=["y:0"])
    ops = {node.op for node in model.graph_def.node}
    assert bool(ops & {"While", "StatelessWhile"}) == v2
    assert ("NextIteration" in ops) != v2
    np.testing.assert_allclose(model((BATCH,))[0], expected, rtol=1e-5)
    np.testing.assert_allclose(run(model.freeze(), (BATCH,))[0], expected, rtol=1e-5)


def test_one_branch_of_an_old_cond_is_no_output(tmp_path: Path) -> None:
    expected = written(
        tmp_path / "m.pb",
        lambda x: v1.cond(tf.reduce_sum(x) > 0, lambda: x * 2.0, lambda: tf.sin(x)),
        v2=False,
    )
    model = load_frozen_graph(tmp_path / "m.pb")
    assert [each.name for each in model.signature.outputs] == ["y"]
    np.testing.assert_allclose(model((BATCH,))[0], expected, rtol=1e-5)


def test_a_graph_may_be_cut_anywhere(tmp_path: Path, run: Callable[..., Any]) -> None:
    written(tmp_path / "m.pb", dense)
    model = load_frozen_graph(
        tmp_path / "m.pb", inputs=["fc1/MatMul"], outputs=["y", "parts:2"]
    )
    assert [each.name for each in model.signature.outputs] == ["y", "parts_2"]
    hidden = random(2, 3)
    turned = np.maximum(hidden, 0)[:, ::-1]
    for found in (model((hidden,)), run(model.freeze(), (hidden,))):
        np.testing.assert_allclose(found[0], turned, rtol=1e-6)
        np.testing.assert_allclose(found[1], turned[:, :1], rtol=1e-6)


def test_one_output_of_a_node_may_be_fed(tmp_path: Path) -> None:
    written(tmp_path / "m.pb", dense)
    model = load_frozen_graph(tmp_path / "m.pb", inputs=["x", "parts:1"], outputs=["y"])
    assert [each.name for each in model.signature.inputs] == ["x", "parts_1"]
    y = model((BATCH, np.full((2, 1), 7, np.float32)))[0]
    assert (y[:, 1] == 7).all()


def test_text_protobufs_open_too(tmp_path: Path) -> None:
    expected = written(tmp_path / "m.pb", dense)
    graph_def = v1.GraphDef.FromString((tmp_path / "m.pb").read_bytes())
    (tmp_path / "m.pbtxt").write_text(str(graph_def))
    model = load_frozen_graph(tmp_path / "m.pbtxt")
    np.testing.assert_allclose(model((BATCH,))[0], expected, rtol=1e-5)


def test_attributes_that_a_file_leaves_out_have_their_defaults(tmp_path: Path) -> None:
    expected = written(tmp_path / "m.pb", dense)
    graph_def = v1.GraphDef.FromString((tmp_path / "m.pb").read_bytes())
    product = next(node for node in graph_def.node if node.op == "MatMul")
    for name in [name for name in product.attr if name != "T"]:
        del product.attr[name]
    (tmp_path / "m.pb").write_bytes(graph_def.SerializeToString())
    model = load_frozen_graph(tmp_path / "m.pb")
    np.testing.assert_allclose(model((BATCH,))[0], expected, rtol=1e-5)
    frozen = {node.name: node for node in model.freeze().graph_def.node}
    assert "transpose_a" in frozen[product.name].attr


WRONG: dict[str, tuple[dict[str, list[str]], str, str]] = {
    "a wrong input": ({"inputs": ["X"]}, "no node X, which model.inputs", "There is `x`."),
    "a near input": ({"inputs": ["fc1/Matmul"]}, "no node fc1/Matmul", "Did you mean `fc1/MatMul"),
    "a near output": ({"outputs": ["fc1/Rely:0"]}, "no node fc1/Rely:0", "Did you mean `fc1/Relu"),
    "a wrong index": ({"outputs": ["fc1/Relu:3"]}, "makes 1 tensors", "Name fc1/Relu:0."),
    "no index": ({"inputs": ["x:first"]}, "no node x:first", "x"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_name_is_answered_with_a_right_one(case: str, tmp_path: Path) -> None:
    written(tmp_path / "m.pb", dense)
    named, message, remedy = WRONG[case]
    with pytest.raises(ModelError) as wrong:
        load_frozen_graph(tmp_path / "m.pb", **named)
    assert "model.path: m.pb" in wrong.value.message
    assert message in wrong.value.message
    assert remedy in wrong.value.remedy


def test_variables_are_no_constants(tmp_path: Path) -> None:
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [None, 4], name="x")
        tf.matmul(x, v1.get_variable("w", [4, 2], use_resource=False), name="y")
    (tmp_path / "m.pb").write_bytes(graph.as_graph_def().SerializeToString())
    with pytest.raises(ModelError, match="not frozen: w is a variable"):
        load_frozen_graph(tmp_path / "m.pb")


def test_batch_norms_of_the_first_tensorflow_run(tmp_path: Path) -> None:
    """An op that left TensorFlow with GraphDef version 9, in a file from before."""
    graph_def = v1.GraphDef()
    graph_def.versions.producer = 8
    with tf.Graph().as_default() as graph:
        v1.placeholder(tf.float32, [1, 2, 2, 3], name="x")
        for name in ("mean", "variance", "beta", "gamma"):
            tf.constant(np.abs(random(3)) + 0.5, name=name)
    graph_def.node.extend(graph.as_graph_def().node)
    norm = graph_def.node.add(name="y", op="BatchNormWithGlobalNormalization")
    norm.input.extend(["x", "mean", "variance", "beta", "gamma"])
    norm.attr["T"].type = tf.float32.as_datatype_enum
    norm.attr["variance_epsilon"].f = 0.01
    norm.attr["scale_after_normalization"].b = True
    (tmp_path / "m.pb").write_bytes(graph_def.SerializeToString())
    c, x = (np.abs(random(3)) + 0.5).astype(np.float64), random(1, 2, 2, 3)
    expected = (x - c) / np.sqrt(c + 0.01) * c + c
    found = load_frozen_graph(tmp_path / "m.pb")((x,))[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def open_rank(path: Path) -> Path:
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, None, "x")
        y = tf.nn.conv2d(x, tf.constant(random(3, 3, 3, 8)), 1, "SAME")
        tf.reduce_mean(y, [1, 2], name="out")
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def test_an_input_of_open_rank_asks_for_a_shape(tmp_path: Path) -> None:
    model = load_frozen_graph(open_rank(tmp_path / "m.pb"))
    assert signature(model) == (Input("x", None, "float32"),)
    draw = np.random.default_rng(0)
    with pytest.raises(
        DataError, match="does not say what shape its input x has"
    ) as no:
        random_inputs((), 2, draw, signature(model))
    assert "inputs: [{name: x, shape: [batch, ...]}]" in no.value.remedy
    declared = Input("x", ("batch", 6, 6, 3))
    batch = random_inputs((declared,), 2, draw, signature(model))
    program = adapter.trace(model, batch, low=Precision.BF16, inputs=(declared,))
    assert any(op.kernel(Precision.BF16) for op in program.graph.ops)


def test_tensorflow_says_why_and_at_which_node(tmp_path: Path) -> None:
    """Its first line says nothing, and no dataset need be there to blame."""
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [None, None], "x")
        tf.matmul(x, tf.constant(random(4, 3)), name="product")
    path = tmp_path / "m.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    model = load_frozen_graph(path)
    with pytest.raises(DataError) as no:
        model((random(2, 5),))
    assert "Matrix size-incompatible: In[0]: [2,5], In[1]: [4,3]" in no.value.message
    assert "(node product)" in no.value.message
    assert "Graph execution error" not in no.value.message
    assert "dataset" not in no.value.remedy
