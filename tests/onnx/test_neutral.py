"""Sums with zeros and products with ones are no ops; what only looks like one stays."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import helper, numpy_helper, parser

from narrowcast.runtime.frameworks.onnx.ir.inline import plain
from narrowcast.runtime.frameworks.onnx.ir.prepared import Prepared
from narrowcast.runtime.frameworks.onnx.preparation.prepare import prepare
from narrowcast.runtime.graph.graph import Precision

HEADER = '<ir_version: 8, opset_import: ["" : 17]>\n'
WEIGHTS = {
    "zeros": np.zeros((1, 1, 3), "f4"),
    "ones": np.ones(3, "f4"),
    "zero": np.zeros((), "f4"),
    "low": np.full((), -np.inf, "f4"),
    "lifted": np.zeros((4, 1, 1, 1, 1), "f4"),
    "almost": np.array([0, 0, 1e-30], "f4"),
    "open": np.ones((1, 1, 5, 1), "?"),
    "shut": np.array([True, True, False]).reshape(1, 1, 1, 3),
    "sizes": np.array([2, 2, 5, 3], "i8"),
}
NEUTRAL = {
    "a sum with zeros": "i = Add (r, zeros)",
    "zeros first": "i = Add (zero, r)",
    "a difference": "i = Sub (r, zeros)",
    "a product with ones": "i = Mul (ones, r)",
    "a quotient": "i = Div (r, ones)",
    "an open mask": """
        o = Expand (open, sizes)
        m = Where (o, zero, low)
        i = Add (r, m)
    """,
    "a mask of masks": """
        o = Expand (open, sizes)
        m = Where (o, zero, low)
        n = Where (o, m, low)
        i = Add (n, r)
    """,
}
KEPT = {
    "0 - x": "i = Sub (zero, r)",
    "1 / x": "i = Div (ones, r)",
    "broadcast by rank": "j = Add (r, lifted) i = ReduceMax <axes = [0], keepdims = 0> (j)",
    "not all zeros": "i = Add (r, almost)",
    "a mask that hides": "m = Where (shut, zero, low) i = Add (r, m)",
    "a mask of the input": "c = Greater (r, zero) m = Where (c, zero, low) i = Add (r, m)",
}


def made(call: str) -> tuple[onnx.ModelProto, Prepared]:
    text = f"g (float[2, 2, 5, 3] x) => (y) {{ r = Relu (x) {call} y = Exp (i) }}"
    model = parser.parse_model(HEADER + text)
    for name, value in WEIGHTS.items():
        model.graph.initializer.append(numpy_helper.from_array(value, name))
    model = onnx.shape_inference.infer_shapes(model)
    return model, prepare(*plain(ir.from_proto(model)), low=Precision.FP16)


def run(model: onnx.ModelProto) -> np.ndarray:
    x = np.random.default_rng(0).normal(size=(2, 2, 5, 3)).astype("f4")
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found: np.ndarray = session.run(None, {"x": x})[0]
    return found


@pytest.mark.parametrize("name", NEUTRAL)
def test_what_changes_nothing_is_dropped(name: str) -> None:
    model, done = made(NEUTRAL[name])
    assert [node.op_type for node in done.model.graph] == ["Relu", "Exp"]
    assert "i" in [each.id for taken in done.told.absorbed.values() for each in taken]
    np.testing.assert_array_equal(run(model), run(ir.to_proto(done.model)))


@pytest.mark.parametrize("why", KEPT)
def test_what_computes_stays(why: str) -> None:
    model, done = made(KEPT[why])
    kinds = [node.op_type for node in done.model.graph]
    assert {"Add", "Sub", "Div"} & set(kinds)
    np.testing.assert_array_equal(run(model), run(ir.to_proto(done.model)))


@pytest.mark.parametrize(("other", "left"), [("batch", 0), ("other", 1), (None, 1)])
def test_sizes_are_the_same_by_name_alone(other: str | None, left: int) -> None:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Relu", ["x"], ["r"]),
            helper.make_node("Shape", ["z"], ["sizes"]),
            helper.make_node("Expand", ["zero", "sizes"], ["mask"]),
            helper.make_node("Add", ["r", "mask"], ["i"]),
            helper.make_node("Exp", ["i"], ["y"]),
        ],
        "g",
        [value("x", 1, ["batch", 3]), value("z", 1, [other, 3])],
        [value("y", 1, None)],
        [numpy_helper.from_array(np.zeros((), "f4"), "zero")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    done = prepare(*plain(ir.from_proto(model)), low=Precision.FP16)
    assert [node.op_type for node in done.model.graph].count("Add") == left
