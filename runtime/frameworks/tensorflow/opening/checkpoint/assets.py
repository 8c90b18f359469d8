"""A SavedModel's own files, and the paths to them that its graph holds."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from .....common.errors import ModelError, UnsafeError
from ...ir.naming import parsed
from ...ir.protos import types
from ...ir.weights import constant

ASSETS = "assets"
COLLECTION = "saved_model_assets"


def with_assets(
    graph_def: Any, meta_graph: Any, folder: Path, place: str
) -> dict[str, Path]:
    """Put constants in the graph for the paths of the assets that it takes.

    Args:
        graph_def: Changed.

    Returns:
        Name of the constant's node → path.

    Raises:
        ModelError: An asset is missing, or outside the folder.
    """
    found = {}
    for definition in _definitions(meta_graph):
        name = parsed(definition.tensor_info.name)[0]
        found[name] = _path(folder, definition.filename, place)
    used = {}
    for node in graph_def.node:
        if node.name in found:
            path = str(found[node.name]).encode()
            node.CopyFrom(constant(node.name, path, types.DT_STRING))
            used[node.name] = found[node.name]
    return used


def check_inside(folder: Path, place: str) -> None:
    """Raise a ModelError if a file of the SavedModel is a link that leads out of it."""
    root = folder.resolve()
    for each in sorted(folder.rglob("*")):
        if each.is_symlink() and not each.resolve().is_relative_to(root):
            raise UnsafeError(
                f"{place} is not opened: {each.relative_to(folder)} is a link to a "
                "file outside of it",
                "Copy the folder with its files (cp -rL); or, if you trust where it "
                "comes from, write `trust: true` under `model`.",
            )


def _definitions(meta_graph: Any) -> list[Any]:
    """TensorFlow 2 has a field for them, 1 a collection."""
    from tensorflow.core.protobuf import meta_graph_pb2

    found = list(meta_graph.asset_file_def)
    if not found and COLLECTION in meta_graph.collection_def:
        for packed in meta_graph.collection_def[COLLECTION].any_list.value:
            definition = meta_graph_pb2.AssetFileDef()
            packed.Unpack(definition)
            found.append(definition)
    return found


def _path(folder: Path, name: str, place: str) -> Path:
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or PurePosixPath(name).is_absolute() or "\\" in name:
        raise UnsafeError(
            f"{place} is not opened: its asset {name!r} is outside the folder",
            "Save it again with tf.saved_model.save.",
        )
    path = folder.resolve() / ASSETS / name
    if not path.is_file():
        raise ModelError(
            f"{place}: its asset {ASSETS}/{name} is missing",
            "The folder is not whole: copy it again.",
        )
    return path
