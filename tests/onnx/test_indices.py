"""An index beyond an embedding's table."""

from pathlib import Path

import numpy as np
import onnx
from beyond import check_refused
from onnx import TensorProto, helper, numpy_helper

MODEL = """\
model:
  name: net
  framework: onnx
  path: net.onnx
  runtime: openvino
"""


def test_the_input_is_named_and_what_to_write(tmp_path: Path) -> None:
    """OpenVINO reads on; ONNX Runtime, which looks at every tensor, does not."""
    table, head = np.ones((7, 16), np.float32), np.ones((16, 4), np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "ids"], ["rows"]),
            helper.make_node("ReduceMean", ["rows"], ["mean"], axes=[1], keepdims=0),
            helper.make_node("MatMul", ["mean", "head"], ["y"]),
        ],
        "net",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["n", 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(head, "head"),
        ],
    )
    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    onnx.save(made, tmp_path / "net.onnx")
    check_refused(tmp_path, MODEL)
