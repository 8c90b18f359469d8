"""Inputs in the dtypes that a graph declares: text, halves, indices, doubles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.onnx import onnxruntime
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.record.sources import Sources
from narrowcast.runtime.run.slots.filling import filled

WORDS = np.array(["red", "grün", "blue"])
ROWS = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
LOOKUP: dict[str, Any] = {
    "domain": "ai.onnx.ml",
    "keys_strings": ["red", "grün"],
    "values_int64s": [0, 1],
    "default_int64": 2,
}


def model(kind: int, *nodes: Any) -> onnx.ModelProto:
    """A graph of one input `x`: what the nodes make of it are the rows of a layer."""
    graph = helper.make_graph(
        [*nodes, helper.make_node("MatMul", ["rows", "w"], ["y"])],
        "net",
        [helper.make_tensor_value_info("x", kind, None)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(ROWS, "table"), numpy_helper.from_array(ROWS.T, "w")],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


GATHER = helper.make_node("Gather", ["table", "ids"], ["rows"])
TEXT = model(
    TensorProto.STRING,
    helper.make_node("LabelEncoder", ["x"], ["ids"], **LOOKUP),
    GATHER,
)
INDICES = model(TensorProto.INT64, helper.make_node("Identity", ["x"], ["ids"]), GATHER)


def floats(kind: int) -> onnx.ModelProto:
    return model(kind, helper.make_node("Cast", ["x"], ["rows"], to=TensorProto.FLOAT))


def fed(graph: onnx.ModelProto, array: Any, inputs: Sequence[Input] = ()) -> Any:
    slots = filled(
        onnxruntime, lambda: graph, graph, lambda: [((array,), None)], inputs, Sources()
    )
    (((found,), _labels),) = slots.batches()
    return found


PLACES = [
    WORDS,
    np.array([each.encode() for each in WORDS]),
    np.array([WORDS[0], *(each.encode() for each in WORDS[1:])], object),
]


@pytest.mark.parametrize("words", PLACES, ids=["U", "S", "objects"])
def test_a_model_that_takes_text_is_converted(words: Any) -> None:
    given = (fed(TEXT, words),)
    found = onnxruntime.predictor(TEXT)(given)[0]
    np.testing.assert_allclose(found, ROWS @ ROWS.T, rtol=1e-5)
    traced = onnxruntime.trace(TEXT, given, low=Precision.FP16, inputs=())
    low = {op.id for op in traced.graph.ops if op.kernel(Precision.FP16)}
    assert "y" in low
    placement = {
        op.id: Precision.FP16 if op.id in low else Precision.FP32
        for op in traced.graph.ops
    }
    saved = onnxruntime.predictor(traced.apply(placement))(given)[0]
    np.testing.assert_allclose(saved, found, rtol=0.02, atol=0.02)


def test_bytes_that_are_no_text_are_named() -> None:
    with pytest.raises(DataError, match="input x holds bytes that are no UTF-8"):
        onnxruntime.predictor(TEXT)((np.array([b"\xff"], object),))


X = np.arange(12.0).reshape(3, 4)


@pytest.mark.parametrize(
    ("graph", "array", "dtype"),
    [
        (floats(TensorProto.FLOAT16), X, "float16"),
        (floats(TensorProto.DOUBLE), X + 1e-12, "float64"),
        (floats(TensorProto.FLOAT), X.astype("uint8"), "float32"),
        (floats(TensorProto.INT32), X, "int32"),
        (INDICES, np.array([2.0, 0], "float32"), "int64"),
    ],
)
def test_what_is_not_written_is_the_models_own(
    graph: Any, array: Any, dtype: str
) -> None:
    found = fed(graph, array, (Input("x"),))
    assert found.dtype == dtype and (found == array).all()
    onnxruntime.predictor(graph)((found,))


def test_what_is_written_is_not_guessed_at() -> None:
    given = fed(INDICES, np.array([2, 0], "int32"), (Input("x", dtype="int32"),))
    with pytest.raises(DataError, match="input x is int32, the model takes int64"):
        onnxruntime.predictor(INDICES)((given,))


def test_a_value_that_the_models_dtype_has_not_is_named() -> None:
    with pytest.raises(DataError, match=r"input x holds 0\.5 as float64"):
        fed(INDICES, np.array([0.5]))
