"""Copying a converted model to where the user wants it: whole, under another name."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from narrowcast.runtime.common.delivery import put
from narrowcast.runtime.common.errors import UsageError, WriteError

SYMBOL = "-symbol.json"
ENDINGS = (SYMBOL, ".pt2", ".onnx")
"""How the file is called that a model is opened by; a SavedModel is a folder."""


OTHERS = (".keras", ".h5", ".hdf5", ".tflite", ".onnx", ".pt2", ".json")
"""How no SavedModel's folder is called: readers would take it for such a file."""


def save(model: Path, wanted: str) -> Path:
    """Copy a model, and the files beside it that it names.

    Args:
        model: The converted model.
        wanted: As of `Result.save`.

    Raises:
        UsageError: It can't be written there, or the ending is of another format.
    """
    ending = next((each for each in ENDINGS if model.name.endswith(each)), "")
    final = Path(wanted)
    try:
        final = _final(model, wanted, ending)
        final.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=".narrowcast-", dir=final.parent
        ) as new:
            for source, name in _files(model, final.name, ending):
                _copy(source, Path(new) / name)
            if ending == ".onnx" and final.name != model.name:
                from narrowcast.runtime.frameworks.onnx import rename_data

                rename_data(Path(new) / final.name, f"{final.name}.data")
            # The file that a model is opened by comes last: it finds the others.
            for each in sorted(Path(new).iterdir(), key=lambda e: e.name == final.name):
                put(each, final.parent / each.name)
    except (OSError, ValueError) as error:  # a name that no file can have
        why = getattr(error, "strerror", None) or error
        raise WriteError(
            f"can't write {final}: {why}", "Make room, or choose another place."
        ) from error
    return final


def _final(model: Path, wanted: str, ending: str) -> Path:
    """Where the model is to stand."""
    path = Path(wanted).expanduser()
    if not ending and path.suffix in OTHERS:
        raise UsageError(
            f"{path.name}: this model is saved as a SavedModel's folder, or as *.pb",
            f"Call it {path.stem}, or {path.stem}.pb.",
        )
    if not ending:
        return path / model.name if wanted.endswith(os.sep) else path
    if wanted.endswith(os.sep) or path.is_dir():
        return path / model.name
    if path.name.endswith(ending):
        return path
    other = next((each for each in ENDINGS if path.name.endswith(each)), "")
    if other or path.suffix in (".pb", ".pt", ".pth", ".keras", ".h5"):
        raise UsageError(
            f"{path.name}: this model is saved as *{ending}",
            f"Call it {path.name.removesuffix(other or path.suffix)}{ending}.",
        )
    return path.with_name(path.name + ending)


def _files(model: Path, name: str, ending: str) -> Iterator[tuple[Path, str]]:
    """The files that are one model, and what each is called then."""
    yield model, name
    old, new = model.name.removesuffix(ending), name.removesuffix(ending)
    if ending == SYMBOL:
        for path in model.parent.glob(f"{old}-[0-9]*.params"):
            yield path, new + path.name.removeprefix(old)
    data = model.with_name(f"{model.name}.data")
    if data.is_file():
        yield data, f"{name}.data"


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
