"""A model's file or folder → what a look into it finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from narrowcast.runtime.common.errors import ModelError

from . import exported, keras, onnx, symbol, tensorflow
from .found import Found

LOOKS: Mapping[str, Callable[[Path], Found]] = {
    ".onnx": onnx.look,
    ".pt2": exported.look,
    "-symbol.json": symbol.look,
    ".keras": keras.look_archive,
    ".h5": keras.look_hdf5,
    ".hdf5": keras.look_hdf5,
    ".pb": tensorflow.look_frozen,
}
"""How a file's name ends → how to look into it."""

WEIGHTS = (".pt", ".pth", ".bin", ".safetensors", ".params", ".weights.h5")


def look(path: Path) -> Found:
    """What goes in and out of a model.

    Raises:
        ModelError: There is no such file, or it is damaged.
        RequirementError: A package is missing that reads it.
    """
    if path.is_dir():
        return tensorflow.look_saved_model(path)
    if not path.is_file():
        kind = "is no file" if path.exists() else "does not exist"
        raise ModelError(f"the model {path} {kind}", "Name its file with --model.")
    name = path.name.lower()
    for ending, inside in LOOKS.items():
        if name.endswith(ending) and not name.endswith(WEIGHTS):
            return inside(path)
    if name.endswith(WEIGHTS):
        raise ModelError(
            f"{path} holds weights, no model",
            f"Name what makes it: --model PACKAGE.MODULE:FACTORY --weights {path}",
        )
    raise ModelError(
        f"the model {path} is of no kind that is known",
        f"It ends in {', '.join(LOOKS)}, or is the folder of a SavedModel.",
    )
