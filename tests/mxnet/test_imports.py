"""Symbols as `mxnet.contrib.onnx` imports them: padding and products of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.mxnet.ir.library import mx
from narrowcast.runtime.frameworks.mxnet.ir.network import Network
from narrowcast.runtime.frameworks.mxnet.ir.quantized.canonical import canonical
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.graph.pins import Pins, user_pins

S = mx.sym
RANDOM = np.random.default_rng(11)


def _floats(*shape: int) -> Any:
    return RANDOM.standard_normal(shape, np.float32)


def _pad(x: Any, *widths: int, **attrs: Any) -> Any:
    return S.pad(x, mode="constant", pad_width=(0, 0, 0, 0, *widths), **attrs)


def _mobile() -> Network:
    """A stem and two separable convolutions padded as TensorFlow pads, and Gemm."""
    values: dict[str, Any] = {}

    def layer(x: Any, name: str, weight: tuple[int, ...], **attrs: Any) -> Any:
        values[f"{name}_weight"] = _floats(*weight) / np.float32(
            np.prod(weight[1:]) ** 0.5
        )
        values[f"{name}_bias"] = _floats(weight[0])
        kernel = weight[2:]
        given = [S.var(f"{name}_{each}") for each in ("weight", "bias")]
        return S.Convolution(
            x, *given, kernel=kernel, num_filter=weight[0], name=name, **attrs
        )

    x = _pad(S.var("data"), 0, 1, 0, 1)
    x = S.clip(layer(x, "stem", (8, 3, 3, 3), stride=(2, 2)), 0, 6)
    for k, (size, step, sides) in enumerate([(3, 1, (1, 1)), (5, 2, (1, 2))]):
        y = S.clip(layer(x, f"wide{k}", (16, 8, 1, 1)), 0, 6)
        y = _pad(y, *sides, *sides)
        deep = {"num_group": 16, "stride": (step, step)}
        y = S.clip(layer(y, f"deep{k}", (16, 1, size, size), **deep), 0, 6)
        y = layer(y, f"narrow{k}", (8, 16, 1, 1))
        x = S.broadcast_add(x, y) if step == 1 else y
    x = S.flatten(S.Pooling(x, global_pool=True, kernel=(1, 1), pool_type="avg"))
    values |= {"matrix": _floats(8, 10), "offset": _floats(10)}
    product = S.linalg_gemm2(A=S.flatten(x), B=S.var("matrix"), alpha=1.0, name="gemm")
    scores = S.broadcast_add(product, 1.0 * S.var("offset"), name="scores")
    return canonical(S.softmax(scores), values)


def test_an_imported_network_has_casts_at_its_ends_alone(tools: Any) -> None:
    network, batch = _mobile(), _floats(2, 3, 16, 16)
    program = tools.trace(network, batch)
    types = Counter(op.type for op in program.graph.ops)
    assert not {"Pad", "pad", "_linalg_gemm2"} & set(types)
    placement = tools.all_low(program)
    assert tools.low_share(program, placement) == 1.0
    made = program.apply(placement)
    assert sum(node.op == "amp_cast" for node in made.nodes) <= 4
    expected = adapter.predictor(network)((batch,))
    fp32 = adapter.predictor(program.apply(tools.all_fp32(program)))((batch,))
    assert tools.error(expected, fp32) < 1e-5
    assert tools.error(expected, adapter.predictor(made)((batch,))) < 0.05
    other = _floats(1, 3, 23, 17)
    for model, bound in ((program.apply(tools.all_fp32(program)), 1e-5), (made, 0.05)):
        (found,) = adapter.predictor(model)((other,))
        assert tools.error(adapter.predictor(network)((other,)), [found]) < bound


def _conv(x: Any, **attrs: Any) -> Any:
    given = {"kernel": (3, 3), "num_filter": 5, "no_bias": True}
    return S.Convolution(x, **{**given, **attrs})


def _pool(x: Any, kind: str, **attrs: Any) -> Any:
    given = {"kernel": (3, 3), "stride": (2, 2), "pool_type": kind}
    return S.Pooling(x, **{**given, **attrs})


def _mode(x: Any, mode: str) -> Any:
    return S.pad(x, mode=mode, pad_width=(0, 0, 0, 0, 1, 1, 1, 1))


Layer = Callable[[Any], Any]
LOWEST = float(np.finfo("f").min)

FOLDED: dict[str, Layer] = {
    "alike": lambda x: _conv(_pad(x, 1, 1, 2, 2)),
    "more_padding": lambda x: _conv(_pad(x, 1, 1, 2, 2), pad=(1, 0)),
    "behind": lambda x: _conv(_pad(x, 0, 1, 0, 1), stride=(2, 2)),
    "before": lambda x: _conv(_pad(x, 2, 1, 1, 1), stride=(2, 1)),
    "dilated": lambda x: _conv(_pad(x, 1, 3, 2, 2), dilate=(2, 1)),
    "nothing": lambda x: _conv(_pad(x, 0, 0, 0, 0)),
    "mean": lambda x: _pool(_pad(x, 1, 1, 1, 1), "avg"),
    "sum": lambda x: _pool(_pad(x, 1, 1, 2, 2), "sum"),
    "maximum_of_edges": lambda x: _pool(_mode(x, "edge"), "max"),
    "maximum_behind_a_relu": lambda x: _pool(_pad(S.relu(x), 1, 1, 1, 1), "max"),
    "maximum_of_the_lowest": lambda x: _pool(
        _pad(x, 1, 1, 1, 1, constant_value=LOWEST), "max"
    ),
    "padding_of_padding": lambda x: _conv(_pad(_pad(x, 1, 1, 1, 1), 0, 0, 0, 0)),
}

KEPT: dict[str, Layer] = {
    "another_value": lambda x: _conv(_pad(x, 1, 1, 1, 1, constant_value=0.5)),
    "reflected": lambda x: _conv(_mode(x, "reflect")),
    "much_on_one_side": lambda x: _conv(_pad(x, 0, 5, 0, 0)),
    "between_dilated": lambda x: _conv(_pad(x, 1, 2, 1, 1), dilate=(2, 2)),
    "mean_on_one_side": lambda x: _pool(_pad(x, 0, 1, 0, 1), "avg"),
    "mean_of_its_own": lambda x: _pool(
        _pad(x, 1, 1, 1, 1), "avg", pad=(1, 1), count_include_pad=False
    ),
    "maximum_of_zeros": lambda x: _pool(_pad(x, 1, 1, 1, 1), "max"),
    "whole": lambda x: _pool(_pad(x, 1, 1, 1, 1), "avg", global_pool=True),
    "wide": lambda x: _pool(_pad(x, 3, 3, 3, 3), "avg"),
}
CASES = {**FOLDED, **KEPT}


@pytest.fixture(scope="module")
def padded(tools: Any) -> tuple[Network, Any]:
    """Every case on one input, all in one network."""
    x, layers = S.var("data"), []
    for name, build in CASES.items():
        with mx.name.Prefix(f"{name}_"):
            layers.append(build(x))
    symbol = S.Group(layers)
    names = set(symbol.list_arguments()) - {"data"}
    network = canonical(symbol, {name: _floats(5, 4, 3, 3) for name in names})
    return network, tools.trace(network, _floats(2, 4, 8, 9))


@pytest.mark.parametrize("size", [(8, 9), (11, 8), (7, 7)])
def test_folded_padding_changes_nothing_at_any_size(
    size: tuple[int, int], padded: tuple[Network, Any], tools: Any
) -> None:
    network, program = padded
    batch = (_floats(2, 4, *size),)
    expected = adapter.predictor(network)(batch)
    for place, bound in ((tools.all_fp32, 1e-5), (tools.all_low, 0.02)):
        found = adapter.predictor(program.apply(place(program)))(batch)
        for name, one, other in zip(CASES, expected, found, strict=True):
            assert one.shape == other.shape, name
            assert tools.error([one], [other]) < bound, name


def test_padding_is_folded_where_it_changes_nothing(
    padded: tuple[Network, Any], tools: Any
) -> None:
    graph = padded[1].graph
    pads = {op.id for op in graph.ops if op.type == "Pad"}
    assert {name.partition("_pad")[0] for name in pads} == set(KEPT)
    placement = tools.all_low(padded[1])
    for name in FOLDED:
        ops = [op for op in graph.ops if op.id.startswith(f"{name}_")]
        layer = next(op for op in ops if op.type in ("Convolution", "Pooling"))
        if layer.type == "Convolution":
            assert placement[layer.id] is Precision.BF16, name
        if name != "nothing":
            assert "Pad" in layer.absorbed_types, name
            held = user_pins(graph, Pins(names={layer.absorbed[-1]: "op_wise"}))
            assert layer.id in held, name


def test_matrix_products_are_dense_layers(tools: Any) -> None:
    batch, x, made, exact, values = _floats(3, 4), S.var("data"), [], [], {}
    for flip, alpha in ((False, 1.0), (True, 1.0), (False, 0.5), (True, -2.0)):
        name = f"gemm{len(made)}"
        weight = values[f"{name}_w"] = _floats(6, 4) if flip else _floats(4, 6)
        given = {"transpose_b": flip, "alpha": alpha, "name": name}
        made.append(S.linalg_gemm2(x, S.var(f"{name}_w"), **given))
        exact.append(alpha * batch @ (weight.T if flip else weight))
    program = tools.trace(canonical(S.Group(made), values), batch)
    ops = program.graph.ops
    assert {(op.type, op.flops) for op in ops} == {("FullyConnected", 2 * 3 * 4 * 6)}
    held = user_pins(program.graph, Pins(types={"_linalg_gemm2": "here"}))
    assert set(held) == {op.id for op in ops} == {f"gemm{k}" for k in range(4)}
    low = tools.all_low(program)
    assert set(low.values()) == {Precision.BF16}
    found = adapter.predictor(program.apply(low))((batch,))
    assert 0 < tools.error(exact, found) < 0.01
