"""A model that is supplied: what is taken, what is said of what is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import helper, numpy_helper, parser

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks.onnx import open_supplied, openvino

TEXT = """
<ir_version: 8, opset_import: ["" : 13]>
g (float[n, 4] x) => (float[n, 4] y, float[n, 4] z) { y = MatMul (x, w) z = Relu (y) }
"""
BATCH = (np.random.default_rng(1).standard_normal((3, 4), np.float32),)


def weights() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((4, 4), np.float32)


def proto() -> onnx.ModelProto:
    model = parser.parse_model(TEXT)
    model.graph.initializer.append(numpy_helper.from_array(weights(), "w"))
    return model


def outputs(model: ir.Model) -> list[np.ndarray]:
    return list(openvino.predictor(model)(BATCH))


def test_paths_and_objects_are_one_model(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save_model(proto(), path)
    sources = [path, str(path), tmp_path, proto(), ir.from_proto(proto())]
    product = BATCH[0] @ weights()
    for source in sources:
        found = outputs(open_supplied(source))
        np.testing.assert_allclose(found[0], product, rtol=1e-5)
        np.testing.assert_allclose(found[1], np.maximum(product, 0), rtol=1e-5)
        (alone,) = outputs(open_supplied(source, outputs=["z"]))
        np.testing.assert_array_equal(alone, found[1])


def test_the_users_object_stays_as_it_is() -> None:
    given, held = proto(), ir.from_proto(proto())
    before = given.SerializeToString(), ir.to_proto(held).SerializeToString()
    for source in (given, held):
        open_supplied(source, outputs=["z"])
        openvino.predictor(open_supplied(source))(BATCH)
    after = given.SerializeToString(), ir.to_proto(held).SerializeToString()
    assert before == after


def test_weights_in_files_come_with_the_path_or_are_read(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save_model(proto(), path, save_as_external_data=True, size_threshold=0)
    with pytest.raises(ModelError, match="weights in files of their own") as caught:
        open_supplied(onnx.load(path, load_external_data=False))
    assert "onnx.load(path)" in caught.value.remedy
    held = ir.load(path)
    for source in (path, onnx.load(path), held):
        product = outputs(open_supplied(source, outputs=["y"]))[0]
        np.testing.assert_allclose(product, BATCH[0] @ weights(), rtol=1e-5)


def test_large_weights_in_memory_are_not_copied_for_the_checker() -> None:
    rows = np.ones((1 << 16, 8), np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", 1, ["n", 1 << 16])],
        [helper.make_tensor_value_info("y", 1, ["n", 8])],
        [numpy_helper.from_array(rows, "w")],
    )
    model = open_supplied(helper.make_model(graph))
    assert model.graph.initializers["w"].const_value.numpy().shape == rows.shape


def test_what_is_no_model_says_what_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("no model")
    for source in (tmp_path, tmp_path / "none.onnx", object(), onnx.ModelProto, None):
        with pytest.raises(ModelError) as caught:
            open_supplied(source)
        assert "Give an .onnx file, a folder that holds one" in caught.value.remedy
    for source in (tmp_path / "a.txt", onnx.ModelProto()):
        with pytest.raises(ModelError, match="the model"):
            open_supplied(source)
    for name in ("a.onnx", "b.onnx"):
        onnx.save_model(proto(), tmp_path / name)
    with pytest.raises(ModelError, match=r"2 models: a\.onnx, b\.onnx"):
        open_supplied(tmp_path)
    with pytest.raises(ModelError, match="no output yy"):
        open_supplied(tmp_path / "a.onnx", outputs=["yy"])
