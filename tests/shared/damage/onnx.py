"""ONNX models, with and without external data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from damage.formats import Format
from narrowcast.runtime.frameworks import onnx as adapter
from narrowcast.runtime.frameworks.onnx import onnxruntime, openvino

SIZES = ("batch", 3, 8, 8)


def _model() -> onnx.ModelProto:
    random = np.random.default_rng(0)
    values = {
        "w": random.standard_normal((4, 3, 3, 3), np.float32),
        "m": random.standard_normal((144, 5), np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Flatten", ["r"], ["f"]),
        helper.make_node("MatMul", ["f", "m"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SIZES)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ("batch", 5))],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)])


def _whole(folder: Path) -> Path:
    onnx.save(_model(), folder / "net.onnx")
    return folder / "net.onnx"


def _external(folder: Path) -> Path:
    (folder / "net").mkdir()
    onnx.save(
        _model(),
        folder / "net" / "net.onnx",
        save_as_external_data=True,
        location="net.data",
        size_threshold=0,
    )
    return folder / "net"


def _open(path: Path) -> Callable[[], object]:
    file = path / "net.onnx" if path.is_dir() else path
    model = adapter.load_onnx(file)
    adapter.signature(model)
    x = (np.ones((2, 3, 8, 8), np.float32),)
    calls = [openvino.predictor(model), onnxruntime.predictor(model)]
    return lambda: [call(x) for call in calls]


FORMATS = {
    ".onnx": Format(_whole, _open),
    ".onnx + external data": Format(_external, _open),
}
