"""Saved models: the same bytes each time, opened by plain runtimes in a new process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks.onnx import load_onnx, onnxruntime, openvino
from narrowcast.runtime.frameworks.onnx.ir import serialization
from narrowcast.runtime.frameworks.onnx.writing.archive import check
from narrowcast.runtime.graph.graph import Precision

PLAIN = {
    "openvino": """
import openvino as ov
core = ov.Core()
compiled = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
found = compiled(batch)
outputs = [found[k].tolist() for k in range(len(compiled.outputs))]
print(json.dumps([outputs, "narrowcast" in sys.modules]))
""",
    "onnxruntime": """
import onnxruntime as ort
session = ort.InferenceSession(path)
feeds = {given.name: value for given, value in zip(session.get_inputs(), batch)}
outputs = [each.tolist() for each in session.run(None, feeds)]
print(json.dumps([outputs, "narrowcast" in sys.modules]))
""",
}


@pytest.mark.parametrize("name", ["multi_output", "branch", "loop"])
@pytest.mark.parametrize(
    ("runtime", "low"),
    [(openvino, Precision.BF16), (onnxruntime, Precision.FP16)],
    ids=["openvino", "onnxruntime"],
)
def test_plain_runtimes_open_it_in_a_fresh_process(
    zoo: Any, tools: Any, tmp_path: Path, name: str, runtime: Any, low: Precision
) -> None:
    case = zoo[name]()
    traced = tools.trace(case, runtime, low)
    saved = traced.save(traced.apply(tools.all_low(traced, low)), tmp_path / "m.onnx")
    code = PLAIN[runtime.__name__.rsplit(".", 1)[-1]]
    outputs, ours = tools.fresh(saved, case.batch, code)
    assert not ours
    for plain, own in zip(outputs, runtime.load_saved(saved)(case.batch), strict=True):
        np.testing.assert_array_equal(np.asarray(plain, own.dtype), own)


def test_the_same_placement_gives_the_same_bytes(
    zoo: Any, tools: Any, tmp_path: Path
) -> None:
    written = []
    for k in range(2):
        traced = tools.trace(zoo["branch"]())
        placement = tools.all_low(traced)
        path = traced.save(traced.apply(placement), tmp_path / f"{k}.onnx")
        written.append(path.read_bytes())
    assert written[0] == written[1]


def test_external_data_stays_apart_in_graph_order(
    tools: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    b = tools.Builder()
    b.node("MatMul", ["x", b.weight("w2", 32, 64)], "h")
    b.node("MatMul", ["h", b.weight("w1", 64, 32)], "y")
    model = b.model([("x", 1, ["n", 32])], [("y", 1, ["n", 32])])
    source = tmp_path / "source.onnx"
    onnx.save_model(model, source, save_as_external_data=True, size_threshold=0)
    batch = b.random_batch((3, 32))
    traced = openvino.trace(load_onnx(source), batch, low=Precision.BF16, inputs=())
    made = traced.apply(tools.all_low(traced))
    saved = traced.save(made, tmp_path / "out" / "m.bf16.onnx")
    assert sorted(p.name for p in saved.parent.iterdir()) == [
        "m.bf16.onnx",
        "m.bf16.onnx.data",
    ]
    (first, second) = onnx.load(saved, load_external_data=False).graph.initializer
    assert [first.name, second.name] == ["w2", "w1"]
    places = [{e.key: e.value for e in t.external_data} for t in (first, second)]
    assert [p["location"] for p in places] == ["m.bf16.onnx.data"] * 2
    assert [int(p["offset"]) for p in places] == [0, 2 * 32 * 64]
    bytes_then = (saved.parent / "m.bf16.onnx.data").read_bytes()
    inside = openvino.predictor(made)(batch)[0]
    np.testing.assert_array_equal(openvino.load_saved(saved)(batch)[0], inside)
    traced.save(made, saved)
    assert (saved.parent / "m.bf16.onnx.data").read_bytes() == bytes_then

    monkeypatch.setattr(serialization, "LARGE", 1000)
    np.testing.assert_array_equal(openvino.predictor(made)(batch)[0], inside)


def test_a_saved_model_that_is_gone_or_damaged_is_an_error(
    zoo: Any, tools: Any, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        openvino.load_saved(tmp_path / "none.onnx")
    traced = tools.trace(zoo["shared_weight"]())
    saved = traced.save(traced.apply(tools.all_low(traced)), tmp_path / "m.onnx")
    saved.write_bytes(saved.read_bytes()[:100])
    with pytest.raises(ModelError):
        openvino.load_saved(saved)


def test_a_model_of_two_types_in_one_op_is_never_written(tools: Any) -> None:
    """The checker infers every type anew: a forgotten cast is an error, not a file."""
    b = tools.Builder()
    b.node("Add", ["x", b.constant("one", 1.0, "f4")], "y")
    model = ir.from_proto(b.model([("x", 1, [2])], [("y", 1, [2])]))
    (node,) = model.graph
    node.inputs[0].type = ir.TensorType(ir.DataType.BFLOAT16)
    with pytest.raises(ModelError, match="not valid"):
        check(serialization.to_bytes(model))
    assert ir.DataType.BFLOAT16.value == TensorProto.BFLOAT16
