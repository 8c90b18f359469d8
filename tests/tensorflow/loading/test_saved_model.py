"""SavedModels of TensorFlow 2 and 1: as loaded, and frozen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import basic_pitch
import keras
import numpy as np
import pytest
import tensorflow as tf

from narrowcast.runtime.common.errors import ModelError, ModelNote
from narrowcast.runtime.frameworks.tensorflow.opening.freeze import frozen
from narrowcast.runtime.frameworks.tensorflow.opening.graph_model import GraphModel
from narrowcast.runtime.frameworks.tensorflow.opening.saved_model import (
    load_saved_model,
)

PITCH = Path(basic_pitch.__file__).parent / "saved_models" / "icassp_2022" / "nmp"


def close(found: Any, expected: Any) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def ops(graph_def: Any) -> set[str]:
    functions = graph_def.library.function
    inner = (node for function in functions for node in function.node_def)
    return {node.op for node in (*graph_def.node, *inner)}


def test_a_model_as_loaded_computes_what_plain_tensorflow_computes(case: Any) -> None:
    model = load_saved_model(case.path)
    close(model(case.given(model.signature)), case.wanted(model.signature))


def test_a_frozen_model_computes_the_same(case: Any, run: Callable[..., Any]) -> None:
    model = load_saved_model(case.path)
    found = run(model.freeze(), case.given(model.signature))
    close(found, case.wanted(model.signature))


@pytest.mark.parametrize("name", ["branches", "gathered", "legacy", "called twice"])
def test_no_variable_and_no_call_is_left(
    name: str, make_case: Callable[[str], Any]
) -> None:
    found = ops(load_saved_model(make_case(name).path).freeze().graph_def)
    assert not {op for op in found if "Variable" in op or "VarHandle" in op}
    assert not found & {"PartitionedCall", "StatefulPartitionedCall", "ResourceGather"}


def test_weights_that_do_not_fit_a_graph_are_left_out_of_it(
    make_case: Callable[[str], Any], run: Callable[..., Any], monkeypatch: Any
) -> None:
    monkeypatch.setattr(
        "narrowcast.runtime.frameworks.tensorflow.opening.freeze.SMALL", 32
    )
    case = make_case("branches")
    model = load_saved_model(case.path)
    found = frozen(model, largest=64)
    assert [value.shape for value in found.weights.values()] == [(4, 4), (4, 4)]
    shapes = [node for node in found.graph_def.node if node.name in found.weights]
    assert {node.op for node in shapes} == {"Placeholder"}
    close(run(found, case.given(model.signature)), case.wanted(model.signature))


def test_nodes_keep_the_names_that_users_know(make_case: Callable[[str], Any]) -> None:
    graph_def = load_saved_model(PITCH).freeze().graph_def
    names = {node.name for node in graph_def.node if node.op == "Conv2D"}
    assert "model_1/conv2d_1/Conv2D" in names
    twice = load_saved_model(make_case("called twice").path).freeze().graph_def
    products = [node.name for node in twice.node if node.op == "MatMul"]
    assert len(products) == 2
    assert all(name.endswith("/product") for name in products)


def test_state_starts_over(make_case: Callable[[str], Any]) -> None:
    case = make_case("counter")
    model = load_saved_model(case.path)
    batch = case.given(model.signature)
    first = model(batch)
    np.testing.assert_allclose(model(batch)[0], first[0] + 1, rtol=1e-6)
    model.restart()
    close(model(batch), first)


def test_a_written_variable_stays_and_is_set_once(
    make_case: Callable[[str], Any],
) -> None:
    found = load_saved_model(make_case("counter").path).freeze()
    nodes = {node.name: node for node in found.graph_def.node}
    assert [node.op for node in nodes.values()].count("VarHandleOp") == 1
    assert [nodes[name].op for name in found.initial] == ["AssignVariableOp"]


def test_tables_need_no_file_any_more(
    make_case: Callable[[str], Any], run: Callable[..., Any]
) -> None:
    case = make_case("tables")
    model = load_saved_model(case.path)
    found = model.freeze()
    assert not any("TextFile" in op for op in ops(found.graph_def))
    hidden = case.path / "assets"
    hidden.rename(case.path / "elsewhere")
    try:
        close(run(found, case.given(model.signature)), case.wanted(model.signature))
    finally:
        (case.path / "elsewhere").rename(hidden)


def test_a_frozen_table_is_the_same_in_every_process(
    make_case: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hash table gives its rows in an order that differs between processes."""
    model = load_saved_model(make_case("tables").path)
    first, content = model.freeze(), GraphModel.content
    monkeypatch.setattr(
        GraphModel,
        "content",
        lambda self, table: tuple(part[::-1] for part in content(self, table)),
    )
    assert model.freeze().graph_def == first.graph_def


def test_basic_pitch_opens_where_plain_loading_fails(run: Callable[..., Any]) -> None:
    with pytest.raises(AttributeError):
        tf.saved_model.load(str(PITCH))
    model = load_saved_model(PITCH)
    assert [each.name for each in model.signature.outputs] == [
        "contour",
        "note",
        "onset",
    ]
    batch = (np.random.default_rng(0).normal(size=(1, 43844, 1)).astype(np.float32),)
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], str(PITCH))
        definition = meta.signature_def["serving_default"]
        names = [definition.outputs[e.name].name for e in model.signature.outputs]
        expected = session.run(names, {definition.inputs["input_2"].name: batch[0]})
    close(model(batch), expected)
    close(run(model.freeze(), batch), expected)


def test_signatures_that_are_not_converted_are_kept(
    tmp_path: Path, run: Callable[..., Any]
) -> None:
    module = tf.Module()
    module.weight = tf.Variable([[2.0]])
    spec = tf.TensorSpec([None, 1], tf.float32, name="x")
    one = tf.function(lambda x: x @ module.weight, input_signature=[spec])
    other = tf.function(lambda x: x + module.weight, input_signature=[spec])
    signatures = {"product": one, "sum": other}
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=signatures)
    found = load_saved_model(tmp_path / "m", signature="sum").freeze()
    assert [each.key for each in found.signatures] == ["sum", "product"]
    batch = (np.array([[5.0]], np.float32),)
    assert run(found, batch)[0] == [[7.0]]
    swapped = type(found)(found.graph_def, found.signatures[::-1])
    assert run(swapped, batch)[0] == [[10.0]]


def test_a_keras_model_that_tensorflow_saved(
    tmp_path: Path, run: Callable[..., Any]
) -> None:
    """Its signature reads other handles than those that the restore op fills."""
    keras.utils.set_random_seed(0)
    x = keras.Input((6,), name="x")
    y = keras.layers.Dense(5)(keras.layers.Dense(6, name="fc")(x))
    net = keras.Model(x, keras.layers.BatchNormalization()(y))
    for weight in net.weights:
        weight.assign(weight + 0.1)
    spec = [tf.TensorSpec((None, 6), tf.float32, name="x")]
    serve = tf.function(lambda x: {"y": net(x)}, input_signature=spec)
    tf.saved_model.save(net, str(tmp_path / "m"), signatures=serve)
    batch = (np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32),)
    model = load_saved_model(tmp_path / "m")
    expected = [net(batch[0]).numpy()]
    close(model(batch), expected)
    close(run(model.freeze(), batch), expected)


class Several(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = tf.Variable(np.eye(4, dtype=np.float32))

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
    def serve(self, x: Any) -> Any:
        hidden = x @ self.w
        return {"hidden": hidden, "logits": hidden * 2.0, "pooled": hidden * 3.0}


def test_outputs_are_selected_by_name(tmp_path: Path, run: Callable[..., Any]) -> None:
    net = Several()
    tf.saved_model.save(net, str(tmp_path / "m"), signatures=net.serve)
    batch = (np.ones((1, 4), np.float32),)
    for names, expected in (
        (("logits",), (2.0,)),
        (("pooled", "hidden"), (3.0, 1.0)),
        ((), (1.0, 2.0, 3.0)),
        (("a", "b", "c"), (1.0, 2.0, 3.0)),  # the user's own names for all of them
    ):
        model = load_saved_model(tmp_path / "m", outputs=names)
        for found in (model(batch), run(model.freeze(), batch)):
            assert tuple(float(each[0, 0]) for each in found) == expected
    with pytest.raises(ModelError, match="no output logit, which") as no:
        load_saved_model(tmp_path / "m", outputs=["logit"])
    assert "logits" in no.value.remedy
    with pytest.warns(ModelNote, match="names `a`, `b`, `c`, .* `logits`, `pooled`: "):
        load_saved_model(tmp_path / "m", outputs=["a", "b", "c"])
