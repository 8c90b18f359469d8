"""Whatever preparation removes, a pin on its name holds a neighbour."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from narrowcast.runtime.frameworks.mxnet.ir.library import mx
from narrowcast.runtime.frameworks.mxnet.ir.quantized.canonical import canonical
from narrowcast.runtime.graph.pins import Pins, user_pins

X = np.random.default_rng(0).standard_normal((3, 4), np.float32)


def dense(x: Any) -> Any:
    return mx.sym.FullyConnected(x, num_hidden=4, no_bias=True, name="dense")


def shared_dropout(x: Any) -> Any:
    """As a Gluon block that is called twice: both ops have its name."""
    one = mx.sym.Dropout(dense(x), name="gone")
    return mx.sym.tanh(mx.sym.Dropout(mx.sym.exp(one, name="exp"), name="gone"))


def after_a_norm(x: Any) -> Any:
    norm = mx.sym.BatchNorm(dense(x), name="norm", fix_gamma=False)
    return mx.sym.tanh(mx.sym.Dropout(norm, name="gone"))


def packed(x: Any) -> Any:
    weight = mx.sym.transpose(mx.sym.var("dense_weight"), name="gone")
    return mx.sym.FullyConnected(x, weight, num_hidden=4, no_bias=True, name="dense")


CASES: dict[str, tuple[Callable[[Any], Any], str, set[str]]] = {
    "Dropout": (
        lambda x: mx.sym.exp(mx.sym.Dropout(dense(x), name="gone")),
        "Dropout",
        {"dense"},
    ),
    "BlockGrad": (
        lambda x: mx.sym.exp(mx.sym.BlockGrad(dense(x), name="gone")),
        "BlockGrad",
        {"dense"},
    ),
    "identity": (
        lambda x: mx.sym.exp(mx.sym.identity(dense(x), name="gone")),
        "_copy",
        {"dense"},
    ),
    "of an input": (
        lambda x: mx.sym.exp(dense(mx.sym.Dropout(x, name="gone"))),
        "dropout",
        {"dense"},
    ),
    "after a norm": (after_a_norm, "Dropout", {"dense"}),
    "folded constant": (packed, "transpose", {"dense"}),
    "of one name": (shared_dropout, "Dropout", {"dense", "exp"}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_pin_on_what_is_gone_holds_its_neighbour(case: str, tools: Any) -> None:
    build, type_, holds = CASES[case]
    random = np.random.default_rng(1)
    values = {
        "dense_weight": random.standard_normal((4, 4), np.float32),
        **{
            f"norm_{name}": random.uniform(0.5, 2, 4).astype(np.float32)
            for name in ("gamma", "beta", "moving_mean", "moving_var")
        },
    }
    network = canonical(build(mx.sym.var("data")), values)
    graph = tools.trace(network, X).graph
    assert "gone" not in graph.by_id
    assert set(user_pins(graph, Pins(names={"gone": "op_wise"}))) == holds
    assert set(user_pins(graph, Pins(types={type_: "optype_wise"}))) == holds


def test_a_product_answers_to_the_type_it_had(tools: Any) -> None:
    weight = np.random.default_rng(1).standard_normal((4, 5), np.float32)
    product = mx.sym.dot(mx.sym.var("data"), mx.sym.var("w"), name="product")
    graph = tools.trace(canonical(product, {"w": weight}), X).graph
    assert graph.by_id["product"].type == "FullyConnected"
    assert set(user_pins(graph, Pins(types={"dot": "optype_wise"}))) == {"product"}
