"""Inputs and outputs in 16 bits, where the spec frees their dtype."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import ml_dtypes  # noqa: F401  (NumPy's bfloat16)
import numpy as np
import onnx
import pytest
from onnx import TensorProto
from placements import all_fp32, low_share

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.onnx import onnxruntime, openvino, portable
from narrowcast.runtime.frameworks.onnx.program import Program
from narrowcast.runtime.graph.graph import Precision, casts
from narrowcast.runtime.run.slots.freeing import freed, notes

FP32, BF16, FP16 = Precision.FP32, Precision.BF16, Precision.FP16
TYPES = {BF16: TensorProto.BFLOAT16, FP16: TensorProto.FLOAT16}
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
INPUTS = (Input("x", ("n", 8), "float32"), Input("k", ("n",), "int64"))


def traced(tools: Any, runtime: ModuleType, low: Precision) -> Program:
    """`hidden` is returned and read by the op that makes `logits`."""
    build = tools.Builder()
    build.weight("w", 8, 16, scale=0.3)
    build.weight("v", 16, 5, scale=0.3)
    build.node("MatMul", ["x", "w"], "up")
    build.node("Relu", ["up"], "hidden")
    build.node("MatMul", ["hidden", "v"], "logits")
    build.node("Identity", ["k"], "same")
    model = build.model(
        [("x", FLOAT, ["n", 8]), ("k", INT64, ["n"])],
        [
            ("hidden", FLOAT, ["n", 16]),
            ("logits", FLOAT, ["n", 5]),
            ("same", INT64, ["n"]),
        ],
    )
    # In 16 bits too: runtimes may leave out the rounding of a pair of casts.
    x = np.round(build.random.standard_normal((4, 8)) * 8) / 8
    batch = (x.astype(np.float32), np.arange(4))
    found: Program = tools.trace(tools.Case(model, batch), runtime, low)
    return found


def free(program: Program, low: Precision, *inputs: str, **outputs: int) -> Program:
    found = freed(program, low, INPUTS, inputs, outputs)
    assert isinstance(found, Program)
    return found


def rounded(values: Any, low: Precision) -> Any:
    """Values as they are in 16 bits, in fp32."""
    return values.astype(low.dtype).astype(np.float32)


@pytest.mark.parametrize(
    ("runtime", "low"),
    [(openvino, BF16), (onnxruntime, FP16), (portable, BF16)],
    ids=["openvino", "onnxruntime", "any"],
)
def test_a_freed_border_has_no_casts_and_the_same_values(
    tools: Any, tmp_path: Path, runtime: Any, low: Precision
) -> None:
    plain = traced(tools, runtime, low)
    program = free(plain, low, "x", logits=1)
    placement = tools.all_low(program, low)
    assert low_share(program.graph, placement) == 1
    made = casts(program.graph, placement)
    assert [(c.tensor, c.target) for c in made] == [("hidden", FP32)]
    assert len(casts(plain.graph, placement)) == 3
    saved = program.save(program.apply(placement), tmp_path / "freed.onnx")
    file = onnx.load(saved)
    assert [node.op_type for node in file.graph.node].count("Cast") == 1
    types = {
        each.name: each.type.tensor_type.elem_type
        for each in (*file.graph.input, *file.graph.output)
    }
    assert types == {
        "x": TYPES[low],
        "k": INT64,
        "hidden": FLOAT,
        "logits": TYPES[low],
        "same": INT64,
    }
    onnx.checker.check_model(file, full_check=True)
    given = program.batch
    expected = runtime.predictor(plain.apply(placement))(given)
    for predict in (
        runtime.load_saved(saved),
        runtime.predictor(program.apply(placement)),
    ):
        found = predict(given)
        assert [each.dtype for each in found] == [each.dtype for each in expected]
        assert np.array_equal(found[1], rounded(expected[1], low))
        assert np.array_equal(found[0], expected[0])
        assert np.array_equal(found[2], expected[2])
    said = notes(program)[-1]
    assert said == f"the converted model takes x in {low} and returns logits in {low}"


ALONE = """
import openvino as ov
model = ov.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
x, k = batch
bits = (x.view(np.uint32) >> 16).astype(np.uint16)
given = ov.Tensor(bits, ov.Shape(list(x.shape)), ov.Type.bf16)
request = model.create_infer_request()
request.infer({"x": given, "k": k})
logits = request.get_tensor("logits")
wide = np.array(logits.data).view(np.uint16).astype(np.uint32) << 16
print(json.dumps([str(logits.element_type), wide.view(np.float32).tolist()]))
"""


def test_openvino_alone_takes_and_returns_16_bits(tools: Any, tmp_path: Path) -> None:
    plain = traced(tools, openvino, BF16)
    program = free(plain, BF16, "x", logits=1)
    placement = tools.all_low(program)
    saved = program.save(program.apply(placement), tmp_path / "freed.onnx")
    x, k = program.batch
    kind, found = tools.fresh(saved, (x, k), ALONE)
    assert "bf" in kind
    expected = openvino.predictor(plain.apply(placement))((x, k))
    assert np.array_equal(np.array(found, np.float32), expected[1])


def test_beside_fp32_a_freed_border_is_one_cast(tools: Any) -> None:
    program = free(traced(tools, openvino, BF16), BF16, "x", logits=1, hidden=0)
    placement = all_fp32(program)
    found = casts(program.graph, placement)
    assert [(c.tensor, c.target) for c in found] == [
        ("x", FP32),
        ("hidden", BF16),
        ("logits", BF16),
    ]
    model = program.apply(placement)
    assert [node.op_type for node in model.graph].count("Cast") == 3
    assert [str(each.name) for each in model.graph.outputs] == [
        "hidden",
        "logits",
        "same",
    ]
    outputs = openvino.predictor(model)(program.batch)
    assert all(each.dtype == np.float32 for each in outputs[:2])


def test_what_is_no_float_of_the_model_is_not_freed(tools: Any) -> None:
    program = traced(tools, openvino, BF16)
    for inputs, outputs, said in (
        (("k",), {}, "which is int64"),
        (("y",), {}, "no input of the model"),
        ((), {"same": 2}, "which is int64"),
        ((), {"logit": 0}, "no output of the model"),
    ):
        with pytest.raises(DataError, match=said):
            freed(program, BF16, INPUTS, inputs, outputs)
