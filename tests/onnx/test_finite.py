"""Finite in fp32 is finite in 16 bits, on rows that the calibration batch never had."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.frameworks.onnx import onnxruntime, openvino, portable
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.graph.pins import Pins
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search import everything_low

FLOAT, BF16, FP16 = TensorProto.FLOAT, Precision.BF16, Precision.FP16
LOWEST = float(np.finfo(np.float32).min)
RUNTIMES = [(portable, BF16), (portable, FP16), (openvino, BF16), (onnxruntime, FP16)]
EVERYWHERE = pytest.mark.parametrize(
    ("runtime", "low"),
    RUNTIMES,
    ids=[f"{each.__name__.rpartition('.')[2]}-{low}" for each, low in RUNTIMES],
)
Batch = tuple[npt.NDArray[Any], ...]
Mask = Callable[[Any, float], None]
"""Writes nodes that make `bias` of `keep` (1 where a key is seen)."""


def converted(
    tools: Any, case: Any, runtime: ModuleType, low: Precision
) -> tuple[Any, frozenset[str]]:
    """What a script without an evaluation makes, and the ops in 16 bits."""
    traced = tools.trace(case, runtime, low)
    found = everything_low(traced, low=low, objective=low_compute, pins=Pins())
    (plan,) = found.plans
    narrow = (name for name, each in plan.placement.items() if each is low)
    return runtime.predictor(traced.apply(plan.placement)), frozenset(narrow)


def hidden(b: Any, inputs: str = "keep") -> str:
    return str(b.node("Sub", [b.constant("one", 1.0, "f4"), inputs], "hidden"))


def product(b: Any, lowest: float) -> None:
    b.node("Mul", [hidden(b), b.constant("lowest", lowest, "f4")], "bias")


def of_a_node(**given: Callable[[float], Any]) -> Mask:
    """The constant in a Constant node, in one of the forms that it may have."""
    ((name, value),) = given.items()

    def made(b: Any, lowest: float) -> None:
        b.node("Constant", [], "lowest", **{name: value(lowest)})
        b.node("Mul", [hidden(b), "lowest"], "bias")

    return made


def filled(b: Any, lowest: float) -> None:
    shape = b.constant("shape", [1], "i8")
    value = numpy_helper.from_array(np.array([lowest], "f4"))
    b.node("ConstantOfShape", [shape], "lowest", value=value)
    b.node("Mul", [hidden(b), "lowest"], "bias")


def chosen(b: Any, lowest: float) -> None:
    b.node("Cast", ["keep"], "seen", to=TensorProto.BOOL)
    zero = b.constant("zero", 0.0, "f4")
    b.node("Where", ["seen", zero, b.constant("lowest", lowest, "f4")], "bias")


def bounded(b: Any, lowest: float) -> None:
    b.node("Neg", [hidden(b)], "negative")
    b.node("Mul", ["negative", b.constant("huge", -LOWEST, "f4")], "far")
    b.node("Clip", ["far", b.constant("lowest", lowest, "f4")], "bias")


def divided(b: Any, lowest: float) -> None:
    b.node("Neg", [hidden(b)], "negative")
    b.node(
        "Div", ["negative", b.constant("tiny", max(-1 / lowest, 1e-37), "f4")], "bias"
    )


def twice(b: Any, lowest: float) -> None:
    b.node("Mul", [hidden(b), b.constant("half", lowest / 2, "f4")], "part")
    b.node("Add", ["part", "part"], "bias")


def in_a_branch(b: Any, lowest: float) -> None:
    inside = type(b)()
    product(inside, lowest)
    then = inside.graph([], [("bias", FLOAT, None)], "then")
    other = type(b)()
    other.node("Constant", [], "far", value_float=lowest)
    other.node("Mul", [hidden(other), "far"], "bias2")
    otherwise = other.graph([], [("bias2", FLOAT, None)], "else")
    b.node("ReduceSum", ["keep"], "sum", keepdims=0)
    b.node("Greater", ["sum", b.constant("some", -1.0, "f4")], "always")
    b.node("If", ["always"], "bias", then_branch=then, else_branch=otherwise)


def in_a_function(b: Any, lowest: float) -> None:
    b.node("Hide", ["keep"], "bias", domain="local", lowest=lowest)


MASKS: dict[str, Mask] = {
    "product": product,
    "value": of_a_node(value=lambda x: numpy_helper.from_array(np.array(x, "f4"))),
    "value_float": of_a_node(value_float=lambda x: x),
    "value_floats": of_a_node(value_floats=lambda x: [x]),
    "ConstantOfShape": filled,
    "Where": chosen,
    "Clip": bounded,
    "Div": divided,
    "twice": twice,
    "If": in_a_branch,
    "function": in_a_function,
}


def attention(tools: Any, mask: Mask | None, lowest: float) -> tuple[Any, Batch]:
    """One head over (n, 6, 16) that saw no empty row, and a batch with one."""
    b = tools.Builder()
    for name in "qkv":
        b.node("MatMul", ["x", b.weight(f"w{name}", 16, 16)], name)
    b.node("Transpose", ["k"], "kt", perm=[0, 2, 1])
    b.node("MatMul", ["q", "kt"], "scores")
    if mask is not None:
        mask(b, lowest)
    b.node("Add", ["scores", "bias" if mask else "keep"], "masked")
    b.node("Softmax", ["masked"], "weights", axis=-1)
    b.node("MatMul", ["weights", "v"], "y")
    own = helper.make_opsetid("", 22)
    inside = [
        helper.make_node("Constant", [], ["one"], value_float=1.0),
        helper.make_node("Sub", ["one", "m"], ["hidden"]),
        helper.make_node("Constant", [], ["far"]),
        helper.make_node("Mul", ["hidden", "far"], ["o"]),
    ]
    inside[2].attribute.add(
        name="value_float", ref_attr_name="lowest", type=onnx.AttributeProto.FLOAT
    )
    function = helper.make_function(
        "local", "Hide", ["m"], ["o"], inside, [own], attributes=["lowest"]
    )
    model = b.model(
        [("x", FLOAT, ["n", 6, 16]), ("keep", FLOAT, ["n", 1, 6])],
        [("y", FLOAT, ["n", 6, 16])],
        functions=[function] if mask is in_a_function else [],
        domains=["local"] if mask is in_a_function else [],
    )
    (x,) = b.random_batch((3, 6, 16))
    keep = np.ones((3, 1, 6), "f4")
    keep[0], keep[1, :, 4:] = 0, 0
    seen, later = np.ones_like(keep), keep
    if mask is None:
        seen, later = 0 * seen, (1 - keep) * np.float32(lowest)
    return tools.Case(model, (x, seen)), (x, later)


@pytest.mark.few(4)
@EVERYWHERE
@pytest.mark.parametrize("name", MASKS)
def test_a_row_that_sees_nothing_is_as_in_fp32(
    tools: Any, name: str, runtime: ModuleType, low: Precision
) -> None:
    case, later = attention(tools, MASKS[name], LOWEST)
    predict, narrow = converted(tools, case, runtime, low)
    assert {"q", "k", "v", "scores", "y"} <= narrow
    for batch in (case.batch, later):
        (expected,) = runtime.predictor(case.model)(batch)
        assert np.isfinite(expected).all()
        assert relative_error(expected, predict(batch)[0]) < 0.04


@EVERYWHERE
@pytest.mark.parametrize("lowest", [LOWEST, -1e9])
def test_a_mask_from_outside_may_be_as_low_as_fp32_goes(
    tools: Any, lowest: float, runtime: ModuleType, low: Precision
) -> None:
    case, later = attention(tools, None, lowest)
    predict, narrow = converted(tools, case, runtime, low)
    assert {"q", "k", "v", "scores", "y"} <= narrow
    (expected,) = runtime.predictor(case.model)(later)
    assert relative_error(expected, predict(later)[0]) < 0.04


def test_what_is_returned_is_as_low_as_in_fp32(tools: Any) -> None:
    """A fill before a softmax may end at 65504; one that is returned may not."""
    b = tools.Builder()
    b.node("MatMul", ["x", b.weight("w", 16, 16)], "h")
    b.node("Cast", ["keep"], "seen", to=TensorProto.BOOL)
    b.node("Where", ["seen", "h", b.constant("lowest", -1e9, "f4")], "y")
    model = b.model(
        [("x", FLOAT, ["n", 16]), ("keep", FLOAT, ["n", 1])], [("y", FLOAT, ["n", 16])]
    )
    (x,) = b.random_batch((3, 16))
    ones = np.ones((3, 1), "f4")
    predict, narrow = converted(tools, tools.Case(model, (x, ones)), portable, FP16)
    assert narrow == {"h"}
    assert (predict((x, 0 * ones))[0] == np.float32(-1e9)).all()


def guarded(b: Any, name: str) -> None:
    """Divides `h` by its size, which a small number keeps from zero, to make `o`."""
    axes, least = b.constant("axes", [-1], "i8"), b.constant("least", 1e-12, "f4")
    match name:
        case "norm":
            b.node("ReduceL2", ["h", axes], "size", keepdims=1)
            b.node("Add", ["size", least], "some")
            b.node("Div", ["h", "some"], "o")
        case "clip":
            b.node("ReduceL2", ["h", axes], "size", keepdims=1)
            b.node("Clip", ["size", least], "some")
            b.node("Div", ["h", "some"], "o")
        case "log":
            b.node("Abs", ["h"], "size")
            b.node("Add", ["size", least], "some")
            b.node("Log", ["some"], "o")
        case _:
            b.node("Mul", ["h", "h"], "square")
            b.node("ReduceMean", ["square", axes], "size", keepdims=1)
            b.node("Add", ["size", least], "some")
            if name == "power":
                b.node("Pow", ["some", b.constant("p", -0.5, "f4")], "inverse")
            else:
                b.node("Sqrt", ["some"], "root")
                b.node("Reciprocal", ["root"], "inverse")
            b.node("Mul", ["h", "inverse"], "o")


@pytest.mark.parametrize("runtime", [portable, onnxruntime])
@pytest.mark.parametrize("name", ["norm", "clip", "log", "root", "power"])
def test_a_row_of_zeros_is_as_in_fp32(
    tools: Any, name: str, runtime: ModuleType
) -> None:
    """fp16 has nothing as small as the numbers that keep divisors from zero."""
    b = tools.Builder()
    b.node("MatMul", ["x", b.weight("w", 16, 16)], "h")
    guarded(b, name)
    b.node("MatMul", ["o", b.weight("v", 16, 4)], "y")
    model = b.model([("x", FLOAT, ["n", 16])], [("y", FLOAT, ["n", 4])])
    case = tools.Case(model, b.random_batch((3, 16)))
    predict, narrow = converted(tools, case, runtime, FP16)
    assert {"h", "y"} <= narrow
    later = case.batch[0].copy()
    later[1] = 0
    (expected,) = runtime.predictor(model)((later,))
    assert relative_error(expected, predict((later,))[0]) < 0.02


@EVERYWHERE
@pytest.mark.parametrize(
    ("operator", "given"),
    [
        ("LeakyRelu", {"alpha": 1e5}),
        ("Selu", {"alpha": 1e5}),
        ("HardSigmoid", {"alpha": 3.4e38}),
        ("Clip", {"min": LOWEST, "max": -LOWEST}),
    ],
)
def test_numbers_among_attributes_stay_finite(
    tools: Any, operator: str, given: Any, runtime: ModuleType, low: Precision
) -> None:
    b = tools.Builder()
    b.node("MatMul", ["x", b.weight("w", 16, 16)], "h")
    b.node("Relu", ["h"], "a")
    b.node(operator, ["a"], "o", **given)
    b.node("MatMul", ["o", b.weight("v", 16, 4)], "y")
    opset = 10 if operator == "Clip" else 22
    model = b.model([("x", FLOAT, ["n", 16])], [("y", FLOAT, ["n", 4])], opset=opset)
    case = tools.Case(model, b.random_batch((3, 16)))
    predict, narrow = converted(tools, case, runtime, low)
    assert "h" in narrow
    for batch in (case.batch, (0 * case.batch[0],), (-case.batch[0],)):
        (expected,) = runtime.predictor(model)(batch)
        assert relative_error(expected, predict(batch)[0]) < 0.02
