"""Opening ONNX files: what is read, what stays in the file, what is refused and why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper, parser
from placements import all_low

from narrowcast.runtime.common.errors import ModelError, ModelNote
from narrowcast.runtime.frameworks.onnx import onnxruntime, openvino
from narrowcast.runtime.frameworks.onnx.ir.weights import release
from narrowcast.runtime.frameworks.onnx.opening.load import EXTERNAL, load_onnx
from narrowcast.runtime.frameworks.onnx.opening.untrusted import wire
from narrowcast.runtime.graph.graph import Precision

FC = """
<ir_version: 8, opset_import: ["" : 13]>
g (float[n, 64] x) => (float[n, 64] y) { y = MatMul (x, w) }
"""


def weights() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((64, 64), np.float32)


def fc(ir_version: int = 8, opset: int = 13) -> onnx.ModelProto:
    """One MatMul with a weight of 16 KiB."""
    model = parser.parse_model(FC)
    model.graph.initializer.append(numpy_helper.from_array(weights(), "w"))
    model.ir_version, model.opset_import[0].version = ir_version, opset
    return model


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    def save(model: onnx.ModelProto, **options: object) -> Path:
        path = tmp_path / "net.onnx"
        onnx.save_model(model, path, **options)
        return path

    return save


Saved = Callable[..., Path]


def test_large_tensors_stay_in_the_file(saved: Saved) -> None:
    path = saved(fc())
    model = load_onnx(path, large=1024)
    values = model.graph.initializers["w"].const_value.numpy()
    assert np.array_equal(values, weights())
    assert not values.flags.owndata and not values.flags.writeable


def test_the_encoding_without_weights_is_small_and_else_the_same(saved: Saved) -> None:
    path = saved(fc())
    data = path.read_bytes()
    bare = onnx.ModelProto.FromString(
        wire.without_weights(memoryview(data), "net.onnx", 1024)
    )
    (tensor,) = bare.graph.initializer
    assert bare.ByteSize() < 1024 and not tensor.raw_data
    where = {entry.key: entry.value for entry in tensor.external_data}
    start, length = int(where["offset"]), int(where["length"])
    assert data[start : start + length] == weights().tobytes()
    del tensor.external_data[:]
    tensor.ClearField("data_location")
    tensor.raw_data = weights().tobytes()
    assert bare == fc()


def test_packed_floats_are_mapped_too(saved: Saved) -> None:
    model = fc()
    del model.graph.initializer[0]
    model.graph.initializer.append(
        helper.make_tensor("w", TensorProto.FLOAT, (64, 64), weights().ravel())
    )
    assert model.graph.initializer[0].float_data
    loaded = load_onnx(saved(model), large=1024)
    values = loaded.graph.initializers["w"].const_value
    assert isinstance(values, ir.Tensor) and np.array_equal(values.numpy(), weights())


def test_weights_in_constant_nodes_and_in_branches_are_mapped(saved: Saved) -> None:
    model = parser.parse_model("""
        <ir_version: 8, opset_import: ["" : 13]>
        g (float[n, 64] x, bool c) => (float[n, 64] y) {
            y = If (c) <
                then_branch = a () => (z) { k = Constant <value: tensor = float[1] {1}> ()
                                            z = MatMul (x, k) },
                else_branch = b () => (v) { v = Identity (x) }>
        }
    """)
    branch = model.graph.node[0].attribute[0].g
    branch.node[0].attribute[0].t.CopyFrom(numpy_helper.from_array(weights()))
    loaded = load_onnx(saved(model), large=1024)
    (constant,) = (n for n in loaded.graph.all_nodes() if n.op_type == "Constant")
    values = constant.attributes["value"].as_tensor().numpy()
    assert np.array_equal(values, weights()) and not values.flags.owndata


def test_external_data_is_read_lazily_and_remembered(saved: Saved) -> None:
    path = saved(fc(), save_as_external_data=True, location="net.bin", size_threshold=0)
    model = load_onnx(path)
    assert model.meta[EXTERNAL] == (path.with_name("net.bin"),)
    assert np.array_equal(model.graph.initializers["w"].const_value.numpy(), weights())
    assert not load_onnx(saved(fc())).meta[EXTERNAL]


def resident() -> int:
    """Bytes of files in this process's memory."""
    (line,) = (
        each
        for each in Path("/proc/self/status").read_text().splitlines()
        if each.startswith("RssFile")
    )
    return 1024 * int(line.split()[1])


def test_a_mapped_weight_can_be_let_go_of(saved: Saved) -> None:
    model = parser.parse_model(FC.replace("64", "4096"))
    zeros = np.zeros((4096, 4096), "f4")
    model.graph.initializer.append(numpy_helper.from_array(zeros, "w"))
    weight = load_onnx(saved(model)).graph.initializers["w"].const_value
    before = resident()
    assert not weight.numpy().any()
    held = resident()
    release(weight)
    assert held - before > 0.9 * zeros.nbytes
    assert resident() - before < 0.1 * zeros.nbytes
    assert not weight.numpy().any()
    release(ir.tensor(np.zeros(3)))


def test_a_thousand_external_tensors_share_one_map(saved: Saved) -> None:
    """Each map would hold a file descriptor: 1024 are what a process may have."""
    text = "y0 = Identity (x)\n" + "".join(
        f"y{k + 1} = Add (y{k}, w{k})\n" for k in range(1500)
    )
    model = parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 13]>\n'
        f"g (float[4] x) => (float[4] y1500) {{ {text} }}"
    )
    for k in range(1500):
        value = np.full(4, k, np.float32)
        model.graph.initializer.append(numpy_helper.from_array(value, f"w{k}"))
    path = saved(
        model, save_as_external_data=True, location="net.bin", size_threshold=0
    )
    held = load_onnx(path).graph.initializers.values()
    values = [each.const_value.numpy()[0] for each in held]
    assert values == list(range(1500))
    assert len(list(Path("/proc/self/fd").iterdir())) < 500


def test_the_file_is_not_changed(saved: Saved) -> None:
    path = saved(fc(ir_version=3, opset=9))
    before = path.read_bytes(), path.stat().st_mtime_ns
    model = load_onnx(path, large=1024)
    model.graph.initializers["w"].const_value = ir.tensor(np.zeros((64, 64), "f4"))
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_weights_among_the_inputs_are_initializers(saved: Saved) -> None:
    model = fc(ir_version=3, opset=9)
    model.graph.input.append(
        helper.make_tensor_value_info("w", TensorProto.FLOAT, (64, 64))
    )
    loaded = load_onnx(saved(model))
    assert [value.name for value in loaded.graph.inputs] == ["x"]
    assert list(loaded.graph.initializers) == ["w"]
    onnx.checker.check_model(ir.to_proto(loaded))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04rest", "a zip archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<!DOCTYPE html>", "XML or HTML"),
        (b"\x20\x00\x00\x00ORTM", "ONNX Runtime's own format"),
        (b"hello, world", "no ONNX model"),
        (b"\x08\x08", "no graph"),
        (b"\xff" * 40, "damaged"),
        (bytes(100), "cut short or damaged"),
    ],
)
def test_what_is_no_model_is_named(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"model\.path: net\.onnx") as caught:
        load_onnx(path)
    assert said in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"net\.onnx does not exist") as caught:
        load_onnx(tmp_path / "modles" / "net.onnx")
    assert str(tmp_path / "modles" / "net.onnx") in str(caught.value)
    assert caught.value.remedy == "Paths are relative to the spec."
    with pytest.raises(ModelError, match="is no file"):
        load_onnx(tmp_path)


def test_a_file_cut_anywhere_is_an_error(saved: Saved) -> None:
    path = saved(fc())
    data = path.read_bytes()
    for length in range(1, len(data), 97):
        path.write_bytes(data[:length])
        with pytest.raises(ModelError, match=r"model\.path: net\.onnx"):
            load_onnx(path, large=1024)


def test_flipped_bytes_load_or_are_an_error(saved: Saved) -> None:
    path = saved(fc())
    data = bytearray(path.read_bytes())
    where = np.random.default_rng(1).integers(0, len(data), 300)
    headers = [*range(60), *range(len(data) - 60, len(data)), *map(int, where)]
    for at in headers:
        flipped = bytearray(data)
        flipped[at] ^= 0xFF
        path.write_bytes(flipped)
        try:
            load_onnx(path, large=1024)
        except ModelError as error:
            assert "model.path: net.onnx" in error.message


@pytest.mark.parametrize(
    ("ir_version", "opset", "said"),
    [
        (8, 8, "9 is the oldest"),
        (8, 999, "opset 999"),
        (99, 13, "ir_version 99"),
    ],
)
def test_unknown_versions_say_what_to_do(
    saved: Saved, ir_version: int, opset: int, said: str
) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        load_onnx(saved(fc(ir_version, opset)))
    assert "port it" in caught.value.remedy


def test_a_graph_that_the_checker_refuses_is_quoted(saved: Saved) -> None:
    model = fc()
    model.graph.node[0].op_type = "MatMool"
    with pytest.raises(ModelError, match="MatMool"):
        load_onnx(saved(model))


def test_thirty_nested_branches_are_read_and_more_are_refused(saved: Saved) -> None:
    def nested(depth: int) -> onnx.ModelProto:
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])
        graph = helper.make_graph(
            [helper.make_node("Neg", ["x"], ["y0"])], "g", [], [y]
        )
        graph.output[0].name = "y0"
        for k in range(1, depth):
            node = helper.make_node("If", ["c"], [f"y{k}"])
            node.attribute.add(
                name="then_branch", type=onnx.AttributeProto.GRAPH
            ).g.CopyFrom(graph)
            other = node.attribute.add(
                name="else_branch", type=onnx.AttributeProto.GRAPH
            )
            y.name = "e"
            other.g.CopyFrom(
                helper.make_graph([helper.make_node("Neg", ["x"], ["e"])], "e", [], [y])
            )
            y.name = f"y{k}"
            graph = helper.make_graph([node], "g", [], [y])
        graph.input.add().CopyFrom(helper.make_tensor_value_info("x", 1, [2]))
        graph.input.add().CopyFrom(
            helper.make_tensor_value_info("c", TensorProto.BOOL, [])
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)])

    model = load_onnx(saved(nested(30)))
    assert sum(1 for _ in model.graph.all_nodes()) == 59
    assert [each.op_type for each in model.graph] == ["If"]


def test_a_bomb_of_nested_graphs_is_refused(tmp_path: Path) -> None:
    """Five bytes a level: a file of 5 kB that no recursive reader gets through."""

    def field(number: int, body: bytes) -> bytes:
        return wire._tag(number, wire.LENGTH) + wire._number(len(body)) + body

    body = b""
    for _ in range(1000):
        body = field(1, field(5, field(6, body)))  # node · attribute · g
    path = tmp_path / "net.onnx"
    for padding in (0, 1 << 17):
        path.write_bytes(b"\x08\x08" + field(7, body + field(10, bytes(padding))))
        with pytest.raises(ModelError, match="nests messages deeper than 100"):
            load_onnx(path, large=1024)


HEADS = """
<ir_version: 8, opset_import: ["" : 13]>
g (float[n, 64] x, float[n, 64] z, bool c) => (float[n, 64] a, float[n, 64] b, float[n, 64] d) {
    a = MatMul (x, w)
    b = Relu (a)
    e = MatMul (z, v)
    d = If (c) < then_branch = p () => (q) { q = Add (e, b) },
                 else_branch = r () => (s) { s = Identity (e) } >
}
"""


@pytest.fixture
def heads(saved: Saved) -> Path:
    model = parser.parse_model(HEADS)
    for name, factor in (("w", 1.0), ("v", 2.0)):
        values = (factor * np.eye(64)).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    return saved(model)


@pytest.mark.parametrize(
    ("runtime", "low"), [(openvino, Precision.BF16), (onnxruntime, Precision.FP16)]
)
@pytest.mark.parametrize(
    ("names", "kept", "types", "weights"),
    [
        (["b"], "b", {"MatMul", "Relu"}, {"w"}),
        (["b", "a"], "ba", {"MatMul", "Relu"}, {"w"}),
        (["d"], "d", {"MatMul", "Relu", "If", "Add", "Identity"}, {"w", "v"}),
        (["d", "b", "a"], "dba", {"MatMul", "Relu", "If", "Add", "Identity"}, "wv"),
        (["1", "2", "3"], "abd", {"MatMul", "Relu", "If", "Add", "Identity"}, "wv"),
    ],
)
def test_outputs_are_selected_by_name(
    names: list[str],
    kept: str,
    types: set[str],
    weights: set[str],
    runtime: Any,
    low: Precision,
    heads: Path,
) -> None:
    """Through the whole: as loaded, converted, saved; names of nothing are labels."""
    model = load_onnx(heads, outputs=names)
    assert [value.name for value in model.graph.outputs] == list(kept)
    assert [value.name for value in model.graph.inputs] == ["x", "z", "c"]
    assert {node.op_type for node in model.graph.all_nodes()} == types
    assert set(model.graph.initializers) == set(weights)
    batch = (
        np.full((2, 64), -1, np.float32),
        np.full((2, 64), 3, np.float32),
        np.array(True),
    )
    expected = {"a": -1.0, "b": 0.0, "d": 6.0}
    program = runtime.trace(model, batch, low=low, inputs=(), outputs=names)
    for each in (model, program.apply(all_low(program, low))):
        found = runtime.predictor(each)(batch)
        assert [float(value[1, 7]) for value in found] == [expected[k] for k in kept]


def test_weights_that_no_selected_output_needs_are_no_inputs(saved: Saved) -> None:
    """ir_version 3 lists all weights among the inputs."""
    model = parser.parse_model("""
        <ir_version: 3, opset_import: ["" : 9]>
        g (float[n, 64] x, float[64, 64] w, float[64, 64] v)
            => (float[n, 64] a, float[n, 64] b) { a = MatMul (x, w) b = MatMul (x, v) }
    """)
    for name in "wv":
        model.graph.initializer.append(numpy_helper.from_array(weights(), name))
    loaded = load_onnx(saved(model), outputs=["b"])
    assert [value.name for value in loaded.graph.inputs] == ["x"]
    assert set(loaded.graph.initializers) == {"v"}


def test_an_output_that_is_not_there_is_named(heads: Path) -> None:
    for names in (["a", "bb"], ["bb"]):
        with pytest.raises(ModelError, match="no output bb, which") as no:
            load_onnx(heads, outputs=names)
        assert "`b`" in no.value.remedy


def test_names_that_are_none_of_the_models_are_noted(heads: Path) -> None:
    with pytest.warns(ModelNote) as said:
        load_onnx(heads, outputs=["1", "2", "3"])
    assert str(said[0].message) == (
        f"model.outputs names `1`, `2`, `3`, model.path: {heads.name} has `a`, `b`, `d`: "
        "they are taken in order, and the saved model keeps its own names"
    )


def test_labels_of_a_sequence_are_as_many_as_its_elements(saved: Saved) -> None:
    path = saved(
        parser.parse_model("""
        <ir_version: 8, opset_import: ["" : 13]>
        g (float[n, 64] x) => (seq(float[n, 64]) s, float[n, 64] y) {
            s = SequenceConstruct (x, x)
            y = Relu (x)
        }
    """)
    )
    for names, kept in ((["u", "v", "w"], "sy"), (["y"], "y"), (["y", "s"], "ys")):
        model = load_onnx(path, outputs=names)
        assert [value.name for value in model.graph.outputs] == list(kept)
