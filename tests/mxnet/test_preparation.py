"""What preparation changes: never what is computed, and never what pins match."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.mxnet.ir.library import mx
from narrowcast.runtime.frameworks.mxnet.ir.quantized.canonical import canonical
from narrowcast.runtime.frameworks.mxnet.measuring import agreement
from narrowcast.runtime.frameworks.mxnet.preparation.prepare import prepare
from narrowcast.runtime.frameworks.mxnet.running.blocks import network_of
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.graph.pins import Pins, user_pins

nn = mx.gluon.nn
RANDOM = np.random.default_rng(5)


def _floats(*shape: int) -> Any:
    return RANDOM.standard_normal(shape, np.float32)


class Stack(nn.HybridBlock):  # type: ignore[misc]
    """Layers in a row."""

    def __init__(self, *layers: Any) -> None:
        super().__init__()
        with self.name_scope():
            for layer in layers:
                self.register_child(layer)

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        for layer in self._children.values():
            x = layer(x)
        return F.tanh(x)


def trained(*layers: Any) -> Any:
    model = Stack(*layers)
    model.initialize(mx.init.Normal(0.5))
    return model


def randomised(model: Any, batch: Any) -> Any:
    """Statistics that a norm does not leave as they are."""
    model(mx.nd.array(batch))
    for name, parameter in model.collect_params().items():
        if name.endswith(("gamma", "beta", "running_mean", "running_var")):
            values = RANDOM.uniform(0.5, 2.0, parameter.shape)
            parameter.set_data(mx.nd.array(values))
    return model


FOLDED = {
    "convolution": (
        lambda: (nn.Conv2D(6, 3, use_bias=False), nn.BatchNorm()),
        (2, 4, 7, 7),
    ),
    "convolution with a bias": (
        lambda: (nn.Conv2D(6, 3, groups=2), nn.BatchNorm(scale=False)),
        (2, 4, 7, 7),
    ),
    "one dimension": (lambda: (nn.Conv1D(6, 3), nn.BatchNorm()), (2, 4, 9)),
    "transposed convolution": (
        lambda: (nn.Conv2DTranspose(6, 3), nn.BatchNorm()),
        (2, 4, 5, 5),
    ),
    "dense": (lambda: (nn.Dense(6), nn.BatchNorm()), (3, 4)),
}

KEPT = {
    "grouped transposed convolution": (
        lambda: (nn.Conv2DTranspose(6, 3, groups=2, in_channels=4), nn.BatchNorm()),
        (2, 4, 5, 5),
    ),
    "dense over the last axis": (
        lambda: (nn.Dense(6, flatten=False), nn.BatchNorm(axis=1)),
        (2, 6, 4),
    ),
    "norm first": (lambda: (nn.BatchNorm(), nn.Conv2D(6, 3)), (2, 4, 5, 5)),
}


@pytest.mark.parametrize("name", [*FOLDED, *KEPT])
def test_batch_norms_fold_where_channels_are_those_of_the_layer(
    name: str, tools: Any
) -> None:
    build, shape = {**FOLDED, **KEPT}[name]
    batch = _floats(*shape)
    model = randomised(trained(*build()), batch)
    program = tools.trace(model, batch)
    types = Counter(op.type for op in program.graph.ops)
    assert types["BatchNorm"] == (name in KEPT)
    outputs = adapter.predictor(program.apply(tools.all_fp32(program)))((batch,))
    assert tools.error(adapter.predictor(model)((batch,)), outputs) < 1e-5


def test_a_norm_over_another_axis_stays() -> None:
    """MXNet's executors fuse it wrongly themselves, so it is not run."""
    batch = _floats(2, 4, 5, 5)
    model = randomised(trained(nn.Conv2D(6, 3), nn.BatchNorm(axis=2)), batch)
    prepared = prepare(network_of(model, (mx.nd.array(batch),)))
    assert [n.op for n in prepared.network.nodes if not n.variable] == [
        "Convolution",
        "BatchNorm",
        "tanh",
    ]


def test_statistics_of_a_norm_that_stays_are_fixed_slots(tools: Any) -> None:
    batch = _floats(2, 4, 5, 5)
    model = randomised(trained(nn.BatchNorm(), nn.Conv2D(6, 3)), batch)
    program = tools.trace(model, batch)
    norm = next(op for op in program.graph.ops if op.type == "BatchNorm")
    assert [slot.castable for slot in norm.inputs] == [True, *[False] * 4]
    low = program.apply(tools.all_low(program))
    assert {str(v.dtype) for n, v in low.parameters.items() if "batchnorm" in n} == {
        "float32"
    }


def test_a_pin_on_a_folded_norm_holds_its_convolution(zoo: Any, tools: Any) -> None:
    program = zoo("residual").program
    conv = next(op for op in program.graph.ops if op.absorbed)
    assert conv.absorbed_types == ("BatchNorm",)
    held = user_pins(program.graph, Pins(names={conv.absorbed[0]: "op_wise"}))
    assert set(held) == {conv.id}
    placement = tools.all_low(program, pins=list(held))
    assert placement[conv.id] == Precision.FP32


def test_dropout_and_packed_weights_leave_no_op(tools: Any) -> None:
    batch = _floats(2, 4)
    model = trained(nn.Dense(6, in_units=4), nn.Dropout(0.5))
    types = {op.type for op in tools.trace(model, batch).graph.ops}
    assert types == {"FullyConnected", "tanh"}


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4)])
def test_a_product_with_a_weight_is_a_dense_layer(
    shape: tuple[int, ...], transposed: bool, tools: Any
) -> None:
    """`dot` has no bf16 kernel, `FullyConnected` has; users still know it as `dot`."""
    data, weight = mx.sym.var("data"), mx.sym.var("w_weight")
    symbol = mx.sym.dot(data, weight, transpose_b=transposed, name="product")
    values = _floats(5, 4) if transposed else _floats(4, 5)
    model = canonical(symbol, {"w_weight": values})
    batch = _floats(*shape)
    program = tools.trace(model, batch)
    (op,) = program.graph.ops
    assert (op.id, op.type, op.types[1]) == ("product", "FullyConnected", "dot")
    assert op.flops == 2 * batch.size * 5
    assert set(user_pins(program.graph, Pins(types={"dot": "here"}))) == {"product"}
    low = tools.all_low(program)
    assert low == {"product": Precision.BF16}
    found = adapter.predictor(program.apply(low))((batch,))
    exact = batch @ (values.T if transposed else values)
    assert 0 < tools.error([exact], found) < 0.01


def test_recurrent_weights_are_packed_once(zoo: Any) -> None:
    types = Counter(op.type for op in zoo("lstm").program.graph.ops)
    assert types["RNN"] == 1
    assert not types["_rnn_param_concat"]


def test_a_weight_that_others_read_stays_as_it_was(tools: Any) -> None:
    x = mx.sym.var("data")
    weight = mx.sym.var("shared_weight")
    one = mx.sym.Convolution(
        x, weight, kernel=(1, 1), num_filter=4, no_bias=True, name="one"
    )
    norm = mx.sym.BatchNorm(one, fix_gamma=False, name="norm")
    other = mx.sym.Convolution(
        x, weight, kernel=(1, 1), num_filter=4, no_bias=True, name="other"
    )
    symbol = norm + other
    values = {
        "shared_weight": _floats(4, 4, 1, 1),
        **{f"norm_{k}": _floats(4) for k in ("gamma", "beta", "moving_mean")},
        "norm_moving_var": np.ones(4, np.float32),
    }
    network = canonical(symbol, values)
    batch = _floats(2, 4, 3, 3)
    program = tools.trace(network, batch)
    np.testing.assert_array_equal(
        program.prepared.network.parameters["shared_weight"], values["shared_weight"]
    )
    assert "norm" not in program.graph.by_id


def test_a_preparation_that_changes_the_model_is_an_error(zoo: Any) -> None:
    traced = zoo("residual")
    arrays = tuple(mx.nd.array(each) for each in traced.case.batch)
    network = network_of(traced.model, arrays)
    prepared = prepare(network)
    conv = next(n.name for n in prepared.network.nodes if n.name in prepared.told.makes)
    weight = next(n for n in prepared.network.parameters if "conv1_weight" in n)
    wrong = {**prepared.network.parameters}
    wrong[weight] = wrong[weight] * np.float32(1.01)
    broken = replace(prepared, network=replace(prepared.network, parameters=wrong))
    loaded = adapter.predictor(network)
    with pytest.raises(ModelError, match="differs from the model as loaded") as error:
        agreement.check_agreement(loaded, network, broken, arrays)
    assert conv in error.value.remedy


def test_a_folded_constant_tells_a_labels_size_too(tmp_path: Path) -> None:
    """Without its shape MXNet infers none for the label of a loss behind it."""
    scale = mx.sym.exp(mx.sym.var("k", shape=(1, 3, 1, 1)))
    layer = mx.sym.broadcast_mul(mx.sym.var("data"), scale)
    layer = mx.sym.FullyConnected(layer, num_hidden=5, name="fc")
    mx.sym.SoftmaxOutput(layer, name="softmax").save(str(tmp_path / "net-symbol.json"))
    shapes = {"k": (1, 3, 1, 1), "fc_weight": (5, 192), "fc_bias": (5,)}
    parameters = {f"arg:{n}": mx.nd.array(_floats(*s)) for n, s in shapes.items()}
    mx.nd.save(str(tmp_path / "net.params"), parameters)
    model = adapter.load_symbol(tmp_path / "net-symbol.json", tmp_path / "net.params")
    batch = (mx.nd.array(_floats(4, 3, 8, 8)),)
    inputs = (Input("data", ("batch", 3, 8, 8), "float32"),)
    program = adapter.trace(model, batch, low=Precision.BF16, inputs=inputs)
    assert "FullyConnected" in {op.type for op in program.graph.ops}


def test_ten_thousand_nodes_are_prepared_without_recursion(tools: Any) -> None:
    x = mx.sym.var("data")
    for k in range(5000):
        x = mx.sym.identity(x + 1.0) if k % 2 else mx.sym.relu(x)
    network = canonical(x, {})
    assert len(network.nodes) > 7000
    prepared = prepare(network)
    assert not any(node.op == "identity" for node in prepared.network.nodes[:-1])
