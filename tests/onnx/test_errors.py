"""Output errors of single ops, groups, and ops in branches that the batch skips."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from narrowcast.runtime.common.errors import DataError, ModelError
from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.onnx import openvino, portable
from narrowcast.runtime.graph.graph import Kind, Precision

BF16, FP32 = Precision.BF16, Precision.FP32
FLOAT = TensorProto.FLOAT


@pytest.mark.parametrize("name", ["conv_bn_residual", "attention", "loop", "function"])
@pytest.mark.parametrize(
    ("runtime", "alike"),
    # OpenVINO sums in another order where it fuses other ops.
    [(openvino, 1e-4), (portable, 1e-6)],
)
def test_errors_are_those_of_converted_models(
    zoo: Any, tools: Any, name: str, runtime: Any, alike: float
) -> None:
    case = zoo[name]()
    traced = tools.trace(case, runtime)
    expected = runtime.predictor(traced.prepared.model)(case.batch)
    ops = [op.id for op in traced.graph.ops if op.kernel(BF16) is not None]
    found = {op: traced.error(BF16, (op,)) for op in ops}
    for low in ops:
        placement = {op.id: BF16 if op.id == low else FP32 for op in traced.graph.ops}
        made = runtime.predictor(traced.apply(placement))(case.batch)
        brute = max(relative_error(a, b) for a, b in zip(expected, made, strict=True))
        assert found[low] == pytest.approx(brute, rel=alike, abs=1e-12), low
    assert max(found.values()) > 1e-4


def test_an_error_shows_behind_an_integer_output(zoo: Any, tools: Any) -> None:
    b = tools.Builder()
    b.node("MatMul", ["x", b.weight("w", 16, 6)], "scores")
    b.node("ArgMax", ["scores"], "best", axis=1)
    model = b.model([("x", FLOAT, [5, 16])], [("best", TensorProto.INT64, [5, 1])])
    traced = tools.trace(tools.Case(model, b.random_batch((5, 16))), portable)
    assert 1e-4 < traced.error(BF16, ("scores",)) < 0.02


def test_a_skipped_branch_is_judged_as_if_it_were_taken(zoo: Any, tools: Any) -> None:
    traced = tools.trace(zoo["branch"]())
    assert traced.skipped == {"z/else_branch"}
    error = traced.error(BF16, ("z/else_branch/e1",))
    assert 1e-4 < error < 0.05
    assert traced.probes["z/else_branch/e1"].output is BF16
    assert traced.graph.by_id["z/else_branch/e1"].flops == 2 * 5 * 16 * 16


def test_flops_are_those_of_hand(zoo: Any, tools: Any) -> None:
    def counted(name: str) -> dict[str, int]:
        graph = tools.trace(zoo[name](), portable).graph
        return {op.id: op.flops for op in graph.ops if op.kind is Kind.COMPUTE}

    assert counted("conv_bn_residual") == {
        "c1": 2 * (4 * 8 * 16 * 16) * (8 * 9),
        "y": 2 * 4 * 10 * 8,
    }
    assert counted("depthwise")["d"] == 2 * (2 * 16 * 12 * 12) * 9
    lstm = 2 * 6 * 2 * (64 * 8 + 64 * 16)
    assert counted("lstm") == {"states": lstm, "y": 2 * 2 * 16 * 5}
    assert counted("gru") == {"y": 2 * 5 * 2 * 2 * (48 * 8 + 48 * 16)}
    assert counted("loop") == {"last/body/m": 3 * 2 * 5 * 16 * 16}
    assert counted("scan") == {"last/body/m": 5 * 2 * 2 * 8 * 8}
    attention = counted("attention")
    assert attention["scores"] == 2 * 3 * 12 * 12 * 32


@pytest.mark.parametrize(
    ("operator", "shapes", "attributes", "rank", "flops"),
    [
        ("Einsum", [(2, 3, 4), (2, 4, 5)], {"equation": "bij,bjk->bik"}, 3, 2 * 2 * 60),
        ("Gemm", [(4, 3), (4, 5)], {"transA": 1}, 2, 2 * 3 * 4 * 5),
        ("ConvTranspose", [(1, 4, 5, 5), (4, 6, 3, 3)], {}, 4, 2 * (4 * 25) * (6 * 9)),
        ("MatMul", [(1, 7), (7, 1)], {}, 2, 2 * 7),
        (
            "Attention",
            [(1, 2, 3, 8), (1, 2, 5, 8), (1, 2, 5, 4)],
            {},
            4,
            2 * 2 * 15 * 12,
        ),
    ],
)
def test_flops_of_other_contractions(
    tools: Any, operator: str, shapes: Any, attributes: Any, rank: int, flops: int
) -> None:
    b = tools.Builder()
    names = [f"x{k}" for k in range(len(shapes))]
    b.node(operator, names, "y", **attributes)
    given = [(n, FLOAT, list(s)) for n, s in zip(names, shapes, strict=True)]
    model = b.model(given, [("y", FLOAT, [f"d{k}" for k in range(rank)])], opset=23)
    traced = tools.trace(tools.Case(model, b.random_batch(*shapes)), portable)
    assert traced.graph.by_id["y"].flops == flops


def test_statistics_see_bodies_and_weights(zoo: Any, tools: Any) -> None:
    found = tools.trace(zoo["loop"](), portable).statistics(Precision.FP16)
    assert {"x", "w", "last/body/state", "last/body/m", "y"} <= set(found)
    assert found["last/body/m"].largest > 0
    masked = tools.trace(zoo["attention"](), portable).statistics(Precision.FP16)
    assert masked["mask"].overflow == pytest.approx(4 / 12)


def test_inputs_are_taken_in_the_order_of_the_spec(tools: Any) -> None:
    b = tools.Builder()
    b.node("MatMul", ["first", b.weight("w", 8, 4)], "m")
    b.node("Sub", ["m", "second"], "y")
    model = b.model(
        [("first", FLOAT, ["n", 8]), ("second", FLOAT, ["n", 4])],
        [("y", FLOAT, ["n", 4])],
    )
    first, second = b.random_batch((3, 8), (3, 4))
    declared = (
        Input("second", ("batch", 4), "float32"),
        Input("first", ("batch", 8), "float32"),
    )
    (expected,) = openvino.predictor(model)((first, second))
    (found,) = openvino.predictor(model, declared)((second, first))
    np.testing.assert_array_equal(found, expected)
    traced = openvino.trace(model, (second, first), low=BF16, inputs=declared)
    made = traced.apply(tools.all_low(traced))
    (converted,) = openvino.predictor(made)((second, first))
    assert relative_error(expected, converted) < 0.02
    with pytest.raises(DataError, match="secnd") as wrong:
        openvino.predictor(model, (Input("secnd", ("batch", 4), "float32"),))
    assert "`second`" in wrong.value.remedy


def test_a_batch_of_another_type_is_an_error(zoo: Any, tools: Any) -> None:
    case = zoo["depthwise"]()
    wrong = tuple(each.astype(np.float64) for each in case.batch)
    with pytest.raises(DataError, match="float64, the model takes float32"):
        tools.trace(tools.Case(case.model, wrong))


@pytest.mark.parametrize("name", ["embedding", "loop", "function"])
def test_the_users_model_stays_as_it_is(zoo: Any, tools: Any, name: str) -> None:
    case = zoo[name]()
    before = case.model.SerializeToString()
    traced = tools.trace(case)
    traced.error(BF16, [op.id for op in traced.graph.ops if op.kernel(BF16)])
    traced.apply(tools.all_low(traced))
    assert case.model.SerializeToString() == before


@pytest.mark.parametrize("runtime", [openvino, portable])
def test_weights_may_be_listed_as_inputs(zoo: Any, tools: Any, runtime: Any) -> None:
    """As files of IR version 3 have to list them."""
    case = zoo["shared_weight"]()
    (weight,) = case.model.graph.initializer
    case.model.graph.input.add(name=weight.name).type.tensor_type.elem_type = FLOAT
    traced = tools.trace(case, runtime)
    (expected,) = runtime.predictor(case.model)(case.batch)
    (found,) = runtime.predictor(traced.apply(tools.all_low(traced)))(case.batch)
    assert 0 < relative_error(expected, found) < 0.02


def test_what_is_no_model_is_an_error() -> None:
    with pytest.raises(ModelError, match="no ONNX model"):
        openvino.predictor({"not": "a model"})


def test_time_holds_ops_and_whole_models(zoo: Any, tools: Any) -> None:
    from time import perf_counter

    traced = tools.trace(zoo["depthwise"]())
    timed = traced.time(BF16, {"d", "y"}, perf_counter, 0.001)
    assert set(timed.ops) == {(op, p) for op in ("d", "y") for p in (FP32, BF16)}
    assert all(0 < each.median < math.inf for each in timed.ops.values())
    assert ((2, 16, 12, 12), FP32, BF16) in timed.casts
    whole = {
        "fp32": dict.fromkeys(traced.graph.by_id, FP32),
        "bf16": tools.all_low(traced),
    }
    assert set(traced.time_whole(whole, perf_counter)) == {"fp32", "bf16"}


def until(tools: Any, step: float) -> Any:
    """Adds `step` until the state's mean passes 300: 16 bits may never get there."""
    b, inner = tools.Builder(), tools.Builder()
    b.constant("step", np.full((1, 8), step), "f4")
    inner.node("Add", ["state", "step"], "next")
    inner.node("ReduceMean", ["next"], "mean", keepdims=0)
    inner.node("Less", ["mean", inner.constant("end", 300.0, "f4")], "again")
    body = inner.graph(
        [
            ("i", TensorProto.INT64, []),
            ("go", TensorProto.BOOL, []),
            ("state", FLOAT, [1, 8]),
        ],
        [("again", TensorProto.BOOL, []), ("next", FLOAT, [1, 8])],
        "body",
    )
    b.node("Loop", ["", b.constant("true", True), "x"], "last", body=body)
    b.node("Mul", ["last", b.constant("half", 0.5, "f4")], "y")
    model = b.model([("x", FLOAT, [1, 8])], [("y", FLOAT, [1, 8])])
    return tools.Case(model, (np.full((1, 8), 290.0, "f4"),))


def test_a_loop_that_rounding_keeps_from_ending_is_an_error_not_a_hang(
    tools: Any,
) -> None:
    traced = tools.trace(until(tools, 0.5), portable)
    assert traced.graph.runs(traced.graph.by_id["last/body/next"]) == 20
    assert traced.error(BF16, ("last/body/next",)) == math.inf
    low = {op.id: BF16 if op.kernel(BF16) else FP32 for op in traced.graph.ops}
    with pytest.raises(ModelError, match="keeps a loop from ending"):
        traced.apply(low)
    traced.apply(low | {"last/body/next": FP32})
