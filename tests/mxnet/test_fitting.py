"""Symbols say little of dtypes: integers become what a network takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.mxnet.ir.library import mx
from narrowcast.runtime.frameworks.mxnet.ir.quantized.canonical import canonical
from narrowcast.runtime.record.sources import Sources
from narrowcast.runtime.run.slots.filling import filled

S = mx.sym
X = np.arange(12).reshape(3, 4)


def network(embeds: bool) -> Any:
    rows = S.var("data")
    if embeds:
        rows = S.mean(S.Embedding(rows, input_dim=12, output_dim=4, name="e"), axis=1)
    made = S.FullyConnected(rows, num_hidden=2, name="f")
    shapes = {"e_weight": (12, 4), "f_weight": (2, 4), "f_bias": (2,)}
    named = set(made.list_arguments())
    held = {k: np.ones(v, np.float32) for k, v in shapes.items() if k in named}
    return canonical(made, held)


@pytest.mark.parametrize(
    ("embeds", "dtype", "found"),
    [
        (False, "uint8", "float32"),
        (False, "int64", "float32"),
        (False, "float64", "float32"),
        (True, "int32", "int32"),
        (True, "int64", "int64"),
    ],
)
@pytest.mark.parametrize("declared", [False, True])
def test_data_gets_a_dtype_that_the_network_takes(
    embeds: bool, dtype: str, found: str, declared: bool
) -> None:
    model, array = network(embeds), mx.nd.array(X.astype(dtype), dtype=dtype)
    inputs = (Input("data"),) if declared else ()
    slots = filled(
        adapter, lambda: model, model, lambda: [((array,), None)], inputs, Sources()
    )
    (((given,), _labels),) = slots.batches()
    assert np.dtype(given.dtype) == found and (given.asnumpy() == X).all()
    assert adapter.predictor(model, slots.inputs)((given,))[0].shape == (3, 2)
    assert len(slots.fitted) == (dtype != found and dtype != "float64")


def test_a_constant_is_an_input_of_each_batch() -> None:
    made = S.broadcast_mul(S.var("data"), S.var("scale"))
    model, batch = canonical(made, {}), ((mx.nd.array(X),), None)
    inputs = (Input("data"), Input("scale", ("batch", 1), value=2))
    slots = filled(adapter, lambda: model, model, lambda: [batch], inputs, Sources())
    ((given, _labels),) = slots.batches()
    assert given[1].shape == (3, 1)
    found = adapter.predictor(model, slots.inputs)(given)[0]
    np.testing.assert_array_equal(found, X * 2)
