"""Opening what Keras saved: whole models, and weights for a factory's model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import keras

from .....common.errors import DamagedError, ModelError
from ....opening.named import not_there
from ...running.reasons import said
from ..untrusted.keras_config import FACTORY, check_config
from ..untrusted.keras_files import AGAIN, check_archive, check_hdf5, config_of
from .model import KerasModel, keras_model

HDF5 = frozenset([".h5", ".hdf5"])


def load_keras(
    path: Path,
    *,
    outputs: Sequence[str] = (),
    trust: bool = False,
    place: str = "",
) -> KerasModel:
    """Open a whole model that Keras saved, `.keras` or `.h5`.

    Args:
        outputs: As of `keras_model`.
        trust: Take Lambda layers and other Python that the file holds.
        place: What messages start with; the spec's key without it.

    Raises:
        ModelError: It is missing, damaged, not safe to open, or of another Keras.
    """
    place = place or f"model.path: {path.name}"
    _check_file(path, place)
    legacy = path.suffix.lower() in HDF5
    try:
        if legacy:
            _check_legacy(path, place, trust)
        elif not trust:
            check_archive(path, place)
    except ModelError as error:
        if error.remedy != FACTORY:
            raise
        raise ModelError(error.message, _remedy(path, legacy, FACTORY)) from error
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=not trust)
    except Exception as error:  # layers fail in Keras' and in Python's types
        raise ModelError(
            f"{place}: Keras {keras.__version__} can't rebuild it: {said(error)}",
            _remedy(path, legacy, f"It may be damaged: copy it again. {FACTORY}"),
        ) from error
    if not isinstance(model, keras.Model):
        raise ModelError(f"{place} holds a {type(model).__name__}, no model", FACTORY)
    return keras_model(model, outputs=outputs, place=place)


def load_keras_weights(model: keras.Model, path: Path, *, trust: bool = False) -> None:
    """Load what model.save_weights wrote (`.weights.h5`) into a factory's model.

    Args:
        trust: Take weights that are links to other files.

    Raises:
        ModelError: The file is missing or damaged, or does not fit the model.
    """
    place = f"model.weights: {path.name}"
    _check_file(path, place)
    if not trust:
        check_hdf5(path, place)
    try:
        model.load_weights(path)
    except Exception as error:  # Keras fails in Python's types
        raise ModelError(
            f"{place} does not fit the model: {said(error)}",
            "Build the model as it was when the weights were saved; a model of your own "
            "class must have been called once before they are loaded.",
        ) from error


def _check_file(path: Path, place: str) -> None:
    if path.is_dir():
        raise ModelError(
            f"{place} is a folder",
            "A folder with saved_model.pb is a SavedModel; Keras' own files end in "
            ".keras or .h5.",
        )
    if not path.exists():
        raise not_there(path, place)


def _check_legacy(path: Path, place: str, trust: bool) -> None:
    """An HDF5 file must hold a configuration, and one that only computes."""
    attributes = check_hdf5(path, place)
    text = attributes.get("model_config")
    if text is None:
        raise ModelError(f"{place} holds weights and no model", FACTORY)
    try:
        config = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise DamagedError(
            f"{place} is damaged: its model_config is no JSON", AGAIN
        ) from error
    if not trust:
        check_config(config, place)


def _remedy(path: Path, legacy: bool, otherwise: str) -> str:
    version = _version(path, legacy)
    if version and not version.startswith(f"{keras.__version__.partition('.')[0]}."):
        return (
            f"It was saved by Keras {version}, not all of whose files Keras "
            f"{keras.__version__} opens. Open it there (the package tf_keras is Keras 2 "
            "for newer TensorFlows), write a SavedModel by model.export('FOLDER'), "
            "which every version takes, and name that folder as model.path."
        )
    return otherwise


def _version(path: Path, legacy: bool) -> str:
    """The Keras that wrote a file, "" if it doesn't say."""
    try:
        if legacy:
            return str(check_hdf5(path, "").get("keras_version", ""))
        with ZipFile(path) as archive:
            found: Any = config_of(archive, "", "metadata.json")
            return str(found.get("keras_version", ""))
    except (ModelError, BadZipFile, AttributeError):
        return ""
