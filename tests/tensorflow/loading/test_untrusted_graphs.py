"""SavedModels and frozen graphs that would do more than compute are not run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks.tensorflow import load_frozen_graph, load_saved_model

v1 = tf.compat.v1
BATCH = (np.ones((2, 3), np.float32),)


def writes(marker: Path) -> Callable[[Any], Any]:
    """A function that writes a file, two calls and a branch down."""

    @tf.function(experimental_attributes={"_noinline": True})
    def inner(x: tf.Tensor) -> tf.Tensor:
        if tf.reduce_sum(x) > -1e9:
            tf.io.write_file(str(marker), "was here")
        return x + 1.0

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, name="x")])
    def outer(x: tf.Tensor) -> tf.Tensor:
        return inner(x) * 2.0

    return outer


def edited(path: Path, change: Callable[[Any], None]) -> None:
    """Change a SavedModel's MetaGraph on disk."""
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((path / "saved_model.pb").read_bytes())
    change(saved.meta_graphs[0])
    (path / "saved_model.pb").write_bytes(saved.SerializeToString())


def plain_model(path: Path) -> Path:
    module = tf.Module()
    module.weight = tf.Variable(np.ones((3, 2), np.float32))
    spec = tf.TensorSpec([None, 3], tf.float32, name="x")
    call = tf.function(lambda x: x @ module.weight, input_signature=[spec])
    tf.saved_model.save(module, str(path), signatures=call)
    return path


def add_writer(graph_def: Any, marker: Path, name: str, before: Any = None) -> None:
    """Add a WriteFile node, which runs before another if one is given."""
    with tf.Graph().as_default() as graph:
        v1.raw_ops.WriteFile(
            filename=tf.constant(str(marker), name=f"{name}/file"),
            contents=tf.constant("was here", name=f"{name}/text"),
            name=name,
        )
    graph_def.node.extend(graph.as_graph_def().node)
    if before is not None:
        before.input.append(f"^{name}")


def test_a_saved_model_that_writes_when_called(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    path = tmp_path / "model"
    tf.saved_model.save(tf.Module(), str(path), signatures=writes(marker))
    tf.saved_model.load(str(path)).signatures["serving_default"](
        x=tf.constant(BATCH[0])
    )
    assert marker.exists()
    marker.unlink()
    with pytest.raises(ModelError, match=r"of function .* has the op WriteFile"):
        load_saved_model(path)
    assert not marker.exists()
    load_saved_model(path, trust=True)(BATCH)
    assert marker.exists()


def test_a_saved_model_that_writes_when_opened(tmp_path: Path) -> None:
    marker, path = tmp_path / "marker", plain_model(tmp_path / "model")

    def change(meta: Any) -> None:
        meta.ClearField("object_graph_def")
        add_writer(meta.graph_def, marker, "init")
        meta.collection_def["saved_model_main_op"].node_list.value[:] = ["init"]
        meta.signature_def.pop("__saved_model_init_op")

    edited(path, change)
    tf.saved_model.load(str(path))
    assert marker.exists()
    marker.unlink()
    with pytest.raises(ModelError, match="node init has the op WriteFile"):
        load_saved_model(path)
    assert not marker.exists()


def test_a_models_own_restoring_is_never_run(tmp_path: Path) -> None:
    marker, path = tmp_path / "marker", plain_model(tmp_path / "model")

    def change(meta: Any) -> None:
        name = meta.saver_def.restore_op_name
        (restore,) = (node for node in meta.graph_def.node if node.name == name)
        add_writer(meta.graph_def, marker, "hidden", before=restore)

    edited(path, change)
    with v1.Session(graph=tf.Graph()) as session:
        v1.saved_model.load(session, ["serve"], str(path))
    assert marker.exists()
    marker.unlink()
    model = load_saved_model(path)
    np.testing.assert_allclose(model(BATCH)[0], 3.0)
    assert "WriteFile" not in {node.op for node in model.freeze().graph_def.node}
    assert not marker.exists()


def frozen_file(path: Path, build: Callable[[Any], Any]) -> Path:
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [None, 3], name="x")
        tf.identity(build(x), name="y")
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def test_a_frozen_graph_that_writes(tmp_path: Path) -> None:
    marker = tmp_path / "marker"

    def build(x: Any) -> Any:
        with tf.control_dependencies([tf.io.write_file(str(marker), "was here")]):
            return x * 2.0

    path = frozen_file(tmp_path / "m.pb", build)
    graph_def = v1.GraphDef.FromString(path.read_bytes())
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(graph_def, name="")
        with v1.Session(graph=graph) as session:
            session.run("y:0", {"x:0": BATCH[0]})
    assert marker.exists()
    marker.unlink()
    with pytest.raises(ModelError, match="WriteFile") as refused:
        load_frozen_graph(path)
    assert "trust: true" in refused.value.remedy
    assert not marker.exists()
    load_frozen_graph(path, outputs=["y"], trust=True)(BATCH)
    assert marker.exists()


@tf.function
def branch_that_reads(x: Any) -> Any:
    if tf.reduce_sum(x) > 0:
        return tf.strings.length(tf.io.read_file("/etc/hostname"))
    return 0


def in_python(x: Any) -> Any:
    return tf.numpy_function(lambda value: value, [x], tf.float32)


def restored(x: Any) -> Any:
    return tf.raw_ops.RestoreV2(
        prefix="/etc/x", tensor_names=["a"], shape_and_slices=[""], dtypes=[tf.float32]
    )[0]


def mapped(x: Any) -> Any:
    return tf.raw_ops.ImmutableConst(
        dtype=tf.float32, shape=[3], memory_region_name="/etc/hostname"
    )


def printed(x: Any) -> Any:
    with tf.control_dependencies([tf.print(x, output_stream="file:///tmp/printed")]):
        return x + 1.0


def from_a_foreign_file(x: Any) -> Any:
    table = tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64)
    filled = v1.raw_ops.InitializeTableFromTextFileV2(
        table_handle=table, filename="/etc/hostname", key_index=-2, value_index=-1
    )
    with tf.control_dependencies([filled]):
        return tf.raw_ops.LookupTableSizeV2(table_handle=table)


FORBIDDEN: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a branch that reads a file": (branch_that_reads, "ReadFile"),
    "Python": (in_python, "PyFunc"),
    "another checkpoint": (restored, "RestoreV2"),
    "a mapped file": (mapped, "ImmutableConst"),
    "text written to a file": (printed, "PrintV2"),
    "a table from a foreign file": (from_a_foreign_file, "InitializeTableFromTextFileV2"),
    "names of files": (lambda x: tf.io.matching_files("/*"), "MatchingFiles"),
    "data sets": (lambda x: tf.raw_ops.TextLineDataset(filenames="/etc/hostname", compression_type="", buffer_size=1), "TextLineDataset"),
    "queues": (lambda x: tf.raw_ops.FIFOQueueV2(component_types=[tf.float32]), "FIFOQueueV2"),
}  # fmt: skip


@pytest.mark.parametrize("case", FORBIDDEN)
def test_ops_that_do_more_than_compute_are_refused(case: str, tmp_path: Path) -> None:
    build, op = FORBIDDEN[case]
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [None, 3], name="x")
        made = build(x)
    name = made.op.name
    (tmp_path / "m.pb").write_bytes(graph.as_graph_def().SerializeToString())
    with pytest.raises(ModelError, match=op) as refused:
        load_frozen_graph(tmp_path / "m.pb", inputs=["x"], outputs=[name])
    assert "m.pb is not opened" in refused.value.message


def test_an_unknown_op_is_refused_by_name(tmp_path: Path) -> None:
    path = frozen_file(tmp_path / "m.pb", lambda x: tf.nn.relu(x, name="own"))
    graph_def = v1.GraphDef.FromString(path.read_bytes())
    next(node for node in graph_def.node if node.name == "own").op = "MyRelu"
    path.write_bytes(graph_def.SerializeToString())
    with pytest.raises(ModelError, match="node own has the op MyRelu"):
        load_frozen_graph(path)
    with pytest.raises(ModelError, match="MyRelu"):
        load_frozen_graph(path, trust=True)


def test_constants_that_tensorflow_would_decode_are_refused(tmp_path: Path) -> None:
    path = frozen_file(tmp_path / "m.pb", lambda x: tf.add(x, 1.0, name="sum"))
    graph_def = v1.GraphDef.FromString(path.read_bytes())
    constant = next(node for node in graph_def.node if node.op == "Const")
    constant.attr["value"].tensor.dtype = tf.variant.as_datatype_enum
    path.write_bytes(graph_def.SerializeToString())
    with pytest.raises(ModelError, match="no plain data"):
        load_frozen_graph(path)


def test_a_function_may_not_stand_for_an_op(tmp_path: Path) -> None:
    path = plain_model(tmp_path / "model")

    def change(meta: Any) -> None:
        called = next(
            n for n in meta.graph_def.node if n.name == "StatefulPartitionedCall"
        )
        old = called.attr["f"].func.name
        called.attr["f"].func.name = "Relu"
        for function in meta.graph_def.library.function:
            if function.signature.name == old:
                function.signature.name = "Relu"

    edited(path, change)
    with pytest.raises(ModelError, match="function Relu has the name of an op"):
        load_saved_model(path)


def test_what_nothing_needs_is_not_imported(tmp_path: Path) -> None:
    marker, path = tmp_path / "marker", plain_model(tmp_path / "model")
    edited(path, lambda meta: add_writer(meta.graph_def, marker, "unused"))
    model = load_saved_model(path)
    model(BATCH)
    assert not marker.exists()
    assert "unused" not in {node.name for node in model.graph_def.node}


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    path = plain_model(tmp_path / "model")
    data = path / "variables" / "variables.data-00000-of-00001"
    data.rename(tmp_path / "elsewhere")
    data.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match="link to a file outside"):
        load_saved_model(path)
    np.testing.assert_allclose(load_saved_model(path, trust=True)(BATCH)[0], 3.0)


@pytest.mark.parametrize("name", ["../../secret.txt", "/etc/hostname"])
def test_assets_stay_in_the_folder(
    name: str, make_case: Callable[[str], Any], tmp_path: Path
) -> None:
    import shutil

    path = tmp_path / "model"
    shutil.copytree(make_case("tables").path, path)
    edited(path, lambda m: setattr(m.asset_file_def[0], "filename", name))
    for trust in (False, True):
        with pytest.raises(ModelError, match="outside the folder"):
            load_saved_model(path, trust=trust)
