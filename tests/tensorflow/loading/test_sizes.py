"""A few bytes may not make the reader take more memory than there is."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks.tensorflow import (
    load_frozen_graph,
    load_keras,
    load_keras_weights,
    load_saved_model,
)

HUGE = 1 << 40


def model() -> keras.Model:
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="fc")])


def at_header(path: Path, name: bytes) -> tuple[bytearray, int, int]:
    """A file, and where an attribute has its dimensions and its data (HDF5 1.8's form)."""
    content = bytearray(path.read_bytes())
    place = content.index(name + b"\0")
    sizes = [-(-n // 8) * 8 for n in struct.unpack_from("<3H", content, place - 6)]
    return content, place + sizes[0] + sizes[1] + 8, place + sum(sizes)


def long_text(path: Path) -> None:
    content, _dimensions, data = at_header(path, b"layer_names")
    content[data : data + 12] = b"\xee" * 12  # the length, and where the text is
    path.write_bytes(content)


def many_texts(path: Path) -> None:
    content, dimensions, _data = at_header(path, b"layer_names")
    content[dimensions : dimensions + 8] = struct.pack("<Q", 1 << 30)
    path.write_bytes(content)


def unwritten(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file.create_dataset("large", (HUGE,), "f4")


def compressed(path: Path) -> None:
    with h5py.File(path, "a") as file:
        large = file.create_dataset(
            "large", (HUGE,), "f4", chunks=(1 << 20,), compression="gzip"
        )
        large[:4] = 1.0


def often(path: Path) -> None:
    """Each within the file's size, all together not."""
    with h5py.File(path, "a") as file:
        for k in range(40):
            file.create_dataset(f"part{k}", (4000,), "f4")


@pytest.mark.parametrize(
    "damage", [long_text, many_texts, unwritten, compressed, often]
)
def test_hdf5(damage: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    model().save(path)
    assert load_keras(path).signature
    damage(path)
    with pytest.raises(
        ModelError, match=r"m\.h5 is no HDF5 file, or (damaged|cut short)"
    ):
        load_keras(path)


@pytest.mark.parametrize("damage", [unwritten, compressed])
def test_weights(damage: Callable[[Path], None], tmp_path: Path) -> None:
    net, path = model(), tmp_path / "m.weights.h5"
    net.save_weights(path)
    load_keras_weights(net, path)
    damage(path)
    with pytest.raises(ModelError, match="damaged"):
        load_keras_weights(net, path)
    whole = tmp_path / "m.keras"
    net.save(whole)
    with zipfile.ZipFile(whole) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["model.weights.h5"] = path.read_bytes()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(ModelError, match="damaged"):
        load_keras(whole)


def test_an_archive_that_unpacks_to_far_more(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    model().save(path)
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("assets/zeros", "w") as member,
    ):
        for _ in range(300):
            member.write(bytes(1 << 20))
    with pytest.raises(ModelError, match="declares"):
        load_keras(path)


def test_compressed_weights_are_weights(tmp_path: Path) -> None:
    """That many are zero is no reason to refuse them."""
    net = keras.Sequential([keras.Input((300,)), keras.layers.Dense(400, name="fc")])
    net.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "a") as file:
        found: list[str] = []
        file.visit(lambda name: found.append(name) if "kernel" in name else None)
        name = next(n for n in found if isinstance(file[n], h5py.Dataset))
        values = np.zeros_like(file[name][()])
        values[0, 0] = 1.0
        del file[name]
        file.create_dataset(name, data=values, compression="gzip")
    ones = np.ones((1, 300), np.float32)
    assert load_keras(tmp_path / "m.h5")((ones,))[0].sum() == 1.0


def huge(node: Any) -> None:
    """One value everywhere, of which there are far too many."""
    node.op = "Const"
    del node.input[:]
    node.attr["dtype"].type = tf.float32.as_datatype_enum
    tensor = node.attr["value"].tensor
    tensor.dtype = tf.float32.as_datatype_enum
    tensor.tensor_shape.dim.add(size=HUGE)
    tensor.float_val.append(1.0)


def test_a_constant_in_a_frozen_graph(tmp_path: Path) -> None:
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, [None, 4], name="x")
        tf.add(x, tf.constant(1.0, name="one"), name="y")
    found = graph.as_graph_def()
    huge(next(node for node in found.node if node.name == "one"))
    path = tmp_path / "m.pb"
    path.write_bytes(found.SerializeToString())
    with pytest.raises(ModelError, match="constant one declares"):
        load_frozen_graph(path, inputs=["x"], outputs=["y"])


def test_a_constant_in_a_function(tmp_path: Path) -> None:
    class Net(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 4])])
        def serve(self, x: Any) -> Any:
            return {"y": x + tf.constant(3.0)}

    net = Net()
    tf.saved_model.save(net, str(tmp_path / "net"), signatures=net.serve)
    saved = saved_model_pb2.SavedModel()
    path = tmp_path / "net" / "saved_model.pb"
    saved.ParseFromString(path.read_bytes())
    library = saved.meta_graphs[0].graph_def.library.function
    nodes = [n for function in library for n in function.node_def if n.op == "Const"]
    for node in nodes:
        huge(node)
    path.write_bytes(saved.SerializeToString())
    assert nodes
    with pytest.raises(ModelError, match="declares"):
        load_saved_model(tmp_path / "net")
