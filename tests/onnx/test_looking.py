"""What `narrowcast init` finds in ONNX files."""

from pathlib import Path

import onnx
import pytest
from begun import begun
from onnx import TensorProto, helper

from narrowcast.looking.found import Tensor
from narrowcast.looking.look import look
from narrowcast.runtime.common.errors import ModelError


def save(folder: Path, columns: int | str = 3) -> Path:
    """A model with a weight among its inputs, as old files have them."""
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["y"]),
            helper.make_node("Mul", ["y", "mask"], ["logits"]),
        ],
        "net",
        [
            info("x", TensorProto.FLOAT, ["N", 4]),
            info("w", TensorProto.FLOAT, [4, 3]),
            info("mask", TensorProto.FLOAT, ["N", columns]),
        ],
        [info("logits", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor("w", TensorProto.FLOAT, [4, 3], [0.5] * 12)],
    )
    opset = [helper.make_opsetid("", 17)]
    path = folder / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def test_inputs_and_outputs(tmp_path: Path) -> None:
    found = look(save(tmp_path, "M"))
    assert found.inputs == (
        Tensor("x", ("batch", 4), "float32"),
        Tensor("mask", ("batch", "M"), "float32"),
    )
    assert found.outputs == ("logits",)


def test_what_is_begun_converts(tmp_path: Path) -> None:
    save(tmp_path)
    spec = begun(tmp_path, "net.onnx")
    assert [each.name for each in spec.model.inputs] == ["x", "mask"]
    assert (tmp_path / "net.bf16.onnx").is_file()


@pytest.mark.parametrize("size", [0, 1, 20, 60])
def test_a_file_that_is_cut_short(tmp_path: Path, size: int) -> None:
    path = save(tmp_path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ModelError, match=r"net\.onnx"):
        look(path)
