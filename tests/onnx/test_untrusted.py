"""ONNX files from elsewhere: what reaches out of their folder is refused, unopened."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper, parser

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks.onnx.opening.load import load_onnx

ADD = """
<ir_version: 8, opset_import: ["" : 13]>
g (float[4] x) => (float[4] y) { y = Add (x, w) }
"""

Edit = Callable[[onnx.TensorProto], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the model is; beside it lies what it must not open: a pipe that blocks."""
    made = tmp_path / "model"
    made.mkdir()
    os.mkfifo(tmp_path / "secret")
    return made


def located(folder: Path, location: str, **entries: object) -> Path:
    """A model whose weight of 16 bytes is said to be there."""
    model = parser.parse_model(ADD)
    weight = helper.make_tensor(
        "w", TensorProto.FLOAT, [4], np.zeros(4, "f4").tobytes(), raw=True
    )
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        weight.external_data.add(key=key, value=str(value))
    model.graph.initializer.append(weight)
    path = folder / "net.onnx"
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize(
    "location",
    [
        "../secret",
        "a/../../secret",
        "..\\secret",
        "/etc/passwd",
        "C:\\secret",
        "\\\\host\\share",
        "",
        "a\x00b",
    ],
)
def test_data_outside_the_folder_is_refused_unopened(
    folder: Path, location: str
) -> None:
    with pytest.raises(ModelError, match="not safe to open") as caught:
        load_onnx(located(folder, location))
    assert "initializer `w`" in str(caught.value)
    assert "trust: true" in caught.value.remedy


def test_an_absolute_path_is_refused_even_into_the_folder(folder: Path) -> None:
    (folder / "w.bin").write_bytes(bytes(16))
    with pytest.raises(ModelError, match="not safe"):
        load_onnx(located(folder, str(folder / "w.bin")))


def test_a_link_out_of_the_folder_is_refused_and_trusted(folder: Path) -> None:
    """As a cache lays its files out: links into a store of blobs."""
    store = folder.parent / "blob"
    store.write_bytes(np.arange(4, dtype="f4").tobytes())
    (folder / "w.bin").symlink_to(store)
    path = located(folder, "w.bin")
    with pytest.raises(ModelError, match="a link out of the model's folder"):
        load_onnx(path)
    values = load_onnx(path, trust=True).graph.initializers["w"].const_value
    assert values.numpy().tolist() == [0, 1, 2, 3]


def test_a_folder_that_is_a_link_is_no_way_out(folder: Path) -> None:
    (folder / "sub").symlink_to(folder.parent)
    with pytest.raises(ModelError, match="not safe"):
        load_onnx(located(folder, "sub/secret"))


@pytest.mark.parametrize("trust", [False, True])
def test_a_pipe_is_not_opened_trusted_or_not(folder: Path, trust: bool) -> None:
    os.mkfifo(folder / "w.bin")
    with pytest.raises(ModelError, match="no regular file"):
        load_onnx(located(folder, "w.bin"), trust=trust)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"offset": 8}, "up to byte 24, which has 16"),
        ({"offset": 1 << 62}, "which has 16"),
        ({"offset": -16}, "offset `-16`"),
        ({"offset": "1e3"}, "offset `1e3`"),
        ({"length": 8}, "has 8 bytes"),
        ({"length": 1 << 40}, "its shape takes 16"),
    ],
)
def test_spans_beyond_the_data_are_errors(
    folder: Path, entries: dict[str, object], said: str
) -> None:
    (folder / "w.bin").write_bytes(bytes(16))
    with pytest.raises(ModelError) as caught:
        load_onnx(located(folder, "w.bin", **entries))
    assert said in str(caught.value)


def test_missing_external_data_is_named(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"`w\.bin`, which is not in") as caught:
        load_onnx(located(folder, "w.bin"))
    assert "all files that belong to it" in caught.value.remedy


def emptied(tensor: onnx.TensorProto) -> None:
    tensor.raw_data = b""


def huge(tensor: onnx.TensorProto) -> None:
    tensor.dims[:] = [1 << 40, 1 << 40]


def negative(tensor: onnx.TensorProto) -> None:
    tensor.dims[:] = [-4]


def untyped(tensor: onnx.TensorProto) -> None:
    tensor.data_type = 0


def of_unknown_type(tensor: onnx.TensorProto) -> None:
    tensor.data_type = 1000


def few(tensor: onnx.TensorProto) -> None:
    tensor.ClearField("raw_data")
    tensor.float_data[:] = [1.0]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (emptied, "has 0 bytes"),
        (huge, "is too large"),
        (negative, "negative size"),
        (untyped, "no data type"),
        (of_unknown_type, "unknown data type 1000"),
        (few, "has 1 values"),
    ],
)
@pytest.mark.parametrize("inside", ["initializer", "Constant"])
def test_tensors_that_are_not_what_they_say(
    tmp_path: Path, edit: Edit, said: str, inside: str
) -> None:
    model = parser.parse_model(ADD)
    tensor = numpy_helper.from_array(np.zeros(4, "f4"), "w")
    edit(tensor)
    if inside == "initializer":
        model.graph.initializer.append(tensor)
    else:
        node = helper.make_node("Constant", [], ["w"], "k")
        node.attribute.add(name="value", type=onnx.AttributeProto.TENSOR).t.CopyFrom(
            tensor
        )
        model.graph.node.insert(0, node)
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError) as caught:
        load_onnx(path)
    assert said in str(caught.value)
    assert ("`w`" if inside == "initializer" else "Constant `k`") in str(caught.value)


def test_sparse_tensors_are_refused(tmp_path: Path) -> None:
    """A few bytes of them may stand for terabytes."""
    model = parser.parse_model(ADD)
    sparse = model.graph.sparse_initializer.add(dims=[1 << 40])
    sparse.values.CopyFrom(numpy_helper.from_array(np.ones(1, "f4"), "w"))
    sparse.indices.CopyFrom(numpy_helper.from_array(np.zeros(1, "i8"), "i"))
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="sparse tensor"):
        load_onnx(path)


def with_functions(calls: dict[str, list[str]]) -> onnx.ModelProto:
    """A model of functions, each of which calls others in turn."""
    own = [helper.make_opsetid("", 13), helper.make_opsetid("my", 1)]
    model = parser.parse_model(ADD.replace("Add (x, w)", "Neg (x)"))
    model.opset_import.add(domain="my", version=1)
    model.graph.node[0].op_type, model.graph.node[0].domain = "f0", "my"
    for name, callees in calls.items():
        chain = ["x", *(f"y{k}" for k in range(len(callees)))]
        body = [
            helper.make_node(each, [chain[k]], [chain[k + 1]], domain="my")
            for k, each in enumerate(callees)
        ] or [helper.make_node("Neg", ["x"], ["y0"])]
        last = [body[-1].output[0]]
        model.functions.append(helper.make_function("my", name, ["x"], last, body, own))
    return model


def test_functions_that_double_thirty_times_are_refused(tmp_path: Path) -> None:
    calls = {f"f{k}": [f"f{k + 1}"] * 2 for k in range(30)} | {"f30": []}
    path = tmp_path / "net.onnx"
    path.write_bytes(with_functions(calls).SerializeToString())
    with pytest.raises(ModelError, match=r"stand for \d+ nodes"):
        load_onnx(path)


def test_functions_that_call_each_other_in_a_circle_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    model = with_functions({"f0": ["f1"], "f1": ["f0"]})
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="calls itself"):
        load_onnx(path)


def test_a_long_chain_of_functions_is_read(tmp_path: Path) -> None:
    calls = {f"f{k}": [f"f{k + 1}"] for k in range(90)} | {"f90": []}
    path = tmp_path / "net.onnx"
    path.write_bytes(with_functions(calls).SerializeToString())
    assert len(load_onnx(path).functions) == 91
