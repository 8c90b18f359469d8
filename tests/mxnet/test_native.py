"""Models as MXNet's own objects: a block is called as a block."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import placements

from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.mxnet import native, open_native, open_supplied
from narrowcast.runtime.frameworks.mxnet.ir.library import mx
from narrowcast.runtime.graph.graph import Precision

nn = mx.gluon.nn
random = np.random.default_rng(0)
A = random.standard_normal((3, 6), np.float32)
B = random.standard_normal((3, 4), np.float32)


class Swapped(nn.HybridBlock):  # type: ignore[misc]
    """It uses its second argument first."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        with self.name_scope():
            self.dense = nn.Dense(4, in_units=6)

    def hybrid_forward(self, F: Any, a: Any, b: Any) -> Any:
        return F.relu(b) + self.dense(a)


class Both(nn.HybridBlock):  # type: ignore[misc]
    """Two inputs, a batch norm's running statistics, two outputs."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        with self.name_scope():
            self.dense, self.norm = nn.Dense(4, in_units=6), nn.BatchNorm(in_channels=4)

    def hybrid_forward(self, F: Any, a: Any, b: Any) -> Any:
        y = self.norm(self.dense(a))
        return y + b, F.relu(y)


def built() -> Any:
    model = Both(prefix="net_")
    model.initialize(mx.init.Xavier())
    return model


def called(block: Any, *arrays: Any) -> list[Any]:
    return [each.asnumpy() for each in block(*map(mx.nd.array, arrays))]


def test_a_block_stays_one_and_takes_a_batch_as_it_comes(tmp_path: Path) -> None:
    """Whatever the order in which the symbol has its inputs."""
    block = built()
    expected = called(block, A, B)
    model = open_supplied(block)
    assert native(model) is block
    inputs = [Input("a"), Input("b")]
    traced = adapter.trace(model, (A, B), low=Precision.BF16, inputs=inputs)
    converted = traced.apply(placements.all_low(traced, Precision.BF16))
    saved = open_native(traced.save(converted, tmp_path / "net-symbol.json"))
    assert isinstance(saved, mx.gluon.HybridBlock)
    first, second = called(native(converted), A, B), called(saved, A, B)
    for one, other, exact in zip(first, second, expected, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_allclose(one, exact, atol=0.05)
        assert one.dtype == np.float32
        assert not np.array_equal(one, exact)


def test_arguments_keep_their_order_whatever_the_batch_has() -> None:
    block = Swapped(prefix="net_")
    block.initialize(mx.init.Xavier())
    expected = block(mx.nd.array(A), mx.nd.array(B)).asnumpy()
    a, b = Input("a"), Input("b")
    for inputs, batch in (((), (A, B)), ((a, b), (A, B)), ((b, a), (B, A))):
        model = open_supplied(block)
        traced = adapter.trace(model, batch, low=Precision.BF16, inputs=inputs)
        converted = traced.apply(placements.all_low(traced, Precision.BF16))
        found = native(converted)(mx.nd.array(A), mx.nd.array(B)).asnumpy()
        np.testing.assert_allclose(found, expected, atol=0.05)
        (again,) = adapter.predictor(converted)(batch)
        np.testing.assert_allclose(again, expected, atol=0.05)


def test_parameters_are_stored_as_they_are_converted(
    tmp_path: Path, tools: Any
) -> None:
    path = tools.saved(built(), tmp_path, A, B)
    traced = adapter.trace(open_supplied(path), (A, B), low=Precision.BF16, inputs=())
    converted = traced.apply(placements.all_low(traced, Precision.BF16))
    symbol, arguments, states = native(converted)
    assert "bfloat16" in str([each.dtype for each in arguments.values()])
    assert set(symbol.list_auxiliary_states()) == set(states)
    module = mx.mod.Module(symbol, data_names=["data0", "data1"], label_names=None)
    shapes = [("data0", A.shape), ("data1", B.shape)]
    module.bind(shapes, for_training=False)
    module.set_params(arguments, states)
    module.forward(mx.io.DataBatch([mx.nd.array(A), mx.nd.array(B)]), is_train=False)
    assert np.isfinite(module.get_outputs()[0].asnumpy()).all()
