"""Which framework a spec is for, where it leaves that to the command line or the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from .reading.codes import Code
from .reading.diagnostics import SpecError
from .reading.source import Data, Source
from .sections.model import FRAMEWORKS, UNSAID

FRAMEWORK = ("model", "framework")
OURS = tuple(dict.fromkeys(FRAMEWORKS.values()))
ENDINGS: Mapping[str, str] = {
    "": "tensorflow",
    ".pb": "tensorflow",
    ".keras": "tensorflow",
    ".h5": "tensorflow",
    ".hdf5": "tensorflow",
    ".pt2": "pytorch",
    ".pt": "pytorch",
    ".pth": "pytorch",
    ".bin": "pytorch",
    ".safetensors": "pytorch",
    ".json": "mxnet",
    ".params": "mxnet",
    ".parameters": "mxnet",
    ".onnx": "onnx",
}
"""The ending of a model's file, or of its weights → its framework.

Only TensorFlow has models that are folders.
"""


def is_open(source: Source) -> bool:
    """Whether the document names no framework."""
    model = source.data.get("model")
    return (model is None or isinstance(model, Mapping)) and _written(model) is None


def with_framework(source: Source, given: str = "", model: str = "") -> Source:
    """The document with the framework filled in, if something tells it.

    Args:
        given: On the command line.
        model: A file that is supplied as the model.

    Raises:
        SpecError: `given` is no framework, or another than the document's.
    """
    if given and given not in FRAMEWORKS:
        _refuse(source, f"--framework {given[:60]} is not known")
    section = source.data.get("model")
    if not is_open(source):
        written = _written(section)
        if given and FRAMEWORKS.get(str(written), given) != FRAMEWORKS[given]:
            _refuse(source, f"is {written}, but --framework says {given}")
        return source
    keys = section if isinstance(section, Mapping) else {}
    named = given or _told(keys, model)
    if not named:
        return source
    filled = {**keys, "framework": named}
    return replace(source, data={**source.data, "model": filled})


def framework_in(source: Source) -> str:
    """The framework of a document that was filled in."""
    return str(_written(source.data.get("model")))


def _written(model: Data) -> Data:
    """The framework that the section names, None if it leaves it open."""
    written = model.get("framework") if isinstance(model, Mapping) else None
    return None if written in (None, UNSAID) else written


def _told(keys: Mapping[str, Data], model: str) -> str:
    """What the model's file, or else its weights tell by their endings."""
    for path in (model, keys.get("path"), keys.get("weights")):
        if isinstance(path, str) and path and ":" not in path[2:]:
            return ENDINGS.get(PurePosixPath(path).suffix.lower(), "")
    return ""


def _refuse(source: Source, message: str) -> None:
    at = source.known(FRAMEWORK)
    hint = f"one of {', '.join(OURS)}"
    diagnostic = source.diagnostic(
        source.place(at), FRAMEWORK, message, hint, Code.WORD
    )
    raise SpecError([diagnostic])
