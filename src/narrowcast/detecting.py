"""Whose model it is, by its file or by the object's class; no framework is imported."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.evaluation.data.supplied.collating import said

ENDINGS = {
    ".pt2": "pytorch",
    ".pt": "pytorch",
    ".pth": "pytorch",
    ".pb": "tensorflow",
    ".pbtxt": "tensorflow",
    ".keras": "tensorflow",
    ".h5": "tensorflow",
    ".hdf5": "tensorflow",
    ".onnx": "onnx",
    "-symbol.json": "mxnet",
}
"""How a file's name ends → the framework."""

PACKAGES = {
    "torch": "pytorch",
    "tensorflow": "tensorflow",
    "keras": "tensorflow",
    "mxnet": "mxnet",
    "onnx": "onnx",
    "onnx_ir": "onnx",
}
"""The package of a model's class, or of one that it derives from → the framework."""

FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
REMEDY = "Name it in the spec: model: {framework: pytorch}, or tensorflow, mxnet, onnx."


def framework_of(model: Any) -> str:
    """The framework of a model's file, or of an object that is a model.

    Raises:
        ModelError: It can't be told, or there is no such file.
    """
    if isinstance(model, str | os.PathLike):
        return _of_path(os.fspath(model))
    parts = model if isinstance(model, tuple | list) else [model]
    for part in parts[:1]:
        for base in type(part).__mro__:
            package = base.__module__.partition(".")[0]
            if package in PACKAGES:
                return PACKAGES[package]
    raise ModelError(
        f"the model is {said(model)}, of no framework that is known", REMEDY
    )


def name_of(model: Any) -> str:
    """What a model may be called where nobody says: after its file, or its class if that
    is the user's."""
    if isinstance(model, str | os.PathLike):
        text = os.fspath(model)
        if FACTORY.fullmatch(text):
            return text.rpartition(":")[2].rpartition(".")[2]
        name = Path(text).name
        known = sorted(ENDINGS, key=len, reverse=True)
        found = next((e for e in known if name.lower().endswith(e)), "")
        name = name[: len(name) - len(found)]
    else:
        kind = type(model)
        own = kind.__module__.partition(".")[0] not in {*PACKAGES, "builtins"}
        name = kind.__name__ if own else "model"
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_.-")
    return plain or "model"


def _of_path(text: str) -> str:
    path = Path(text)
    by_name = _of_name(path.name)
    if by_name:
        return by_name
    beside = path.with_name(f"{path.name}-symbol.json") if path.name else path
    if beside.is_file():
        return "mxnet"
    if path.is_dir():
        found = {_of_name(each.name) for each in path.iterdir()} - {None}
        if len(found) == 1:
            return str(found.pop())
        raise ModelError(f"the folder {text} doesn't say whose model it holds", REMEDY)
    if FACTORY.fullmatch(text):
        return "pytorch"
    if not path.exists():
        raise ModelError(
            f"the model {text} does not exist",
            f"Paths are relative to where the script is started, {Path.cwd()}.",
        )
    raise ModelError(f"the model {text} is no file that is known", REMEDY)


def _of_name(name: str) -> str | None:
    return next((ENDINGS[e] for e in ENDINGS if name.lower().endswith(e)), None)
