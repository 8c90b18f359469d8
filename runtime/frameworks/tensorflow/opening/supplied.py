"""A supplied TensorFlow model: a path, or an object of TensorFlow or Keras."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from ....common.errors import ModelError, ModelWarning
from ...opening.supplied import lone, missing, path_in, place_of, unknown
from ..ir.frozen import Model
from ..ir.protos import GraphDef
from ..running.reasons import said
from .frozen_graph import graph_model, parsed_graph
from .graph_model import GraphModel
from .keras.export import in_order
from .keras.load import HDF5, load_keras
from .keras.model import keras_model
from .saved_model import KEY, load_saved_model

TAKES = (
    "Give a SavedModel's folder, a frozen graph (.pb), a Keras file (.keras, .h5), a "
    "GraphDef, a tf.Graph without variables, a concrete function, a keras.Model, or what "
    "tf.saved_model.load returned."
)
PLACE = "the model"
SAVED_MODEL = frozenset(["saved_model.pb", "saved_model.pbtxt"])


def open_supplied(
    source: Any,
    *,
    signature: str | None = None,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    trust: bool = False,
) -> Model:
    """Open what a user has of a model; it is not changed.

    Args:
        source: The path of a SavedModel, of a frozen graph or a folder that holds one, or
            of a Keras file; or an object: a GraphDef, a `tf.Graph`, a concrete function,
            a `keras.Model`, or what `tf.saved_model.load` returned.
        signature: Of a SavedModel; None for `serving_default`, or the only one.
        inputs: As of `load_frozen_graph`, where it is a graph.
        outputs: Those that are judged and kept, in the order of their names. Of a
            graph's, those that do not exist are left out if another does.
        trust: As of the loading functions.

    Raises:
        ModelError: It is nothing of these, or as of the loading functions.
    """
    path = path_in(source)
    if path is not None:
        return _from_path(path, signature, inputs, outputs, trust)
    if isinstance(source, GraphDef):
        return _graph(source, PLACE, inputs, outputs, trust)
    if isinstance(source, tf.Graph):
        return _graph(source.as_graph_def(), PLACE, inputs, outputs, trust)
    if isinstance(source, keras.Model):
        return keras_model(source, outputs=outputs, place=PLACE)
    if isinstance(source, tf.types.experimental.ConcreteFunction):
        owner = tf.Module()
        owner.owned = in_order(source.graph)
        key = signature or KEY
        return _by_file(owner, {key: source}, key, outputs, trust)
    if hasattr(source, "signatures"):
        return _by_file(source, dict(source.signatures), signature, outputs, trust)
    raise unknown(source, TAKES)


def _from_path(
    path: Path,
    signature: str | None,
    inputs: Sequence[str],
    outputs: Sequence[str],
    trust: bool,
) -> Model:
    if not path.exists():
        raise missing(path, TAKES)
    if path.name in SAVED_MODEL and path.is_file():
        path = path.absolute().parent
    place = place_of(path)
    if path.is_dir() and _without_graph(path):
        return load_saved_model(
            path, signature=signature, outputs=outputs, trust=trust, place=place
        )
    if path.is_dir():
        path = lone(path, "*.pb", TAKES)
        place = place_of(path)
    if path.suffix.lower() in {".keras", *HDF5}:
        return load_keras(path, outputs=outputs, trust=trust, place=place)
    if path.suffix.lower() not in {".pb", ".pbtxt"}:
        raise ModelError(f"{place} is no file that is known", TAKES)
    return _graph(parsed_graph(path, place), place, inputs, outputs, trust)


def _without_graph(folder: Path) -> bool:
    """Whether a folder is a SavedModel's, or was meant to be one."""
    return any((folder / name).exists() for name in SAVED_MODEL) or not any(
        folder.glob("*.pb")
    )


def _graph(
    graph_def: Any,
    place: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    trust: bool,
) -> GraphModel:
    known = {node.name for node in graph_def.node}
    there = [name for name in outputs if name.partition(":")[0] in known]
    for name in outputs if there else ():
        if name not in there:
            text = f"{place} has no node {name}, which the outputs name: it is left out"
            warnings.warn(text, ModelWarning, stacklevel=3)
    return graph_model(
        graph_def, place, inputs=inputs, outputs=there or outputs, trust=trust
    )


def _by_file(
    owner: Any,
    signatures: dict[str, Any],
    signature: str | None,
    outputs: Sequence[str],
    trust: bool,
) -> GraphModel:
    """What is in memory as a SavedModel, which says all of it."""
    if not signatures:
        raise ModelError(
            "the model has no signatures",
            "Give a concrete function: tf.function(f).get_concrete_function(…).",
        )
    folder = tempfile.TemporaryDirectory(prefix="narrowcast-")
    path = Path(folder.name) / "model"
    try:
        tf.saved_model.save(owner, str(path), signatures=signatures)
    except Exception as error:  # TensorFlow says in any type why it is not written
        raise ModelError(
            f"{PLACE} can't be saved as a SavedModel: {said(error)}",
            "Save it with tf.saved_model.save, and give its folder.",
        ) from error
    found = load_saved_model(
        path, signature=signature, outputs=outputs, trust=trust, place=PLACE
    )
    return replace(found, folder=folder)
