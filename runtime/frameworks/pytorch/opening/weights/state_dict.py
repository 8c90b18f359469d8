"""Files of torch.save: a state dict, unpickled without running anything."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile, is_zipfile

import torch

from .....common.errors import DamagedError, ModelError
from ....refusals import shown
from ..untrusted.index import wrong_sum
from .fitting import check_there, fit, short

NESTED = ("state_dict", "model_state_dict", "model", "net", "weights", "params")
"""Keys under which training checkpoints keep the weights."""

LOADED = 'torch.load(path, map_location="cpu")'
"""How files of a GPU are read where there is none, in remedies."""

UNPICKLED = (
    "Save plain tensors: torch.save(model.state_dict(), path); if you trust where the "
    "file comes from, write `trust: true` under `model`: code that is in it then runs."
)


def load_state_dict(
    model: torch.nn.Module, path: Path, *, weights_only: bool, strip_prefix: str = ""
) -> None:
    """Load what `torch.save(model.state_dict(), path)` wrote into the module.

    Args:
        weights_only: As torch.load's: unpickle tensors and containers, no objects.
        strip_prefix: What all names in the file begin with, and the module's don't.

    Raises:
        ModelError: The file can't be read, holds something else, or does not fit.
    """
    place = f"model.weights: {path.name}"
    _check_file(path, place)
    try:
        found = torch.load(
            path,
            map_location="cpu",
            weights_only=weights_only,
            mmap=is_zipfile(path),
        )
    except (pickle.UnpicklingError, AttributeError, ImportError) as error:
        raise _not_unpickled(error, place, weights_only) from error
    except Exception as error:  # damaged files fail in torch's and Python's types
        raise DamagedError(
            f"{place} can't be read: it is cut short or damaged ({short(error)})",
            "Copy it again, or save it again with torch.save(model.state_dict(), path).",
        ) from error
    if isinstance(found, torch.nn.Module):
        found = found.state_dict()
    fit(model, _tensors(found, place), place, strip_prefix)


def _check_file(path: Path, place: str) -> None:
    """Tell files that are no state dict by their form, before anything is unpickled."""
    check_there(path, place)
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise DamagedError(
            f"{place} can't be read: {error.strerror or error}"
        ) from error
    if start[8:9] == b"{":
        raise ModelError(
            f"{place} is a safetensors file", "Let its name end in .safetensors."
        )
    if not is_zipfile(path):
        if start[:2] != b"PK" and start[:1] != b"\x80":  # a zip archive or a pickle
            raise ModelError(
                f"{place} is {'no file of torch.save' if start else 'empty'}",
                "Save a state dict: torch.save(model.state_dict(), path).",
            )
        return
    names = _members(path, place)
    if "constants.pkl" in names:
        raise ModelError(
            f"{place} is a TorchScript archive, not a state dict",
            "Where the original module is at hand: torch.save(model.state_dict(), path). "
            "Out of the archive: torch.save("
            'torch.jit.load(path, map_location="cpu").state_dict(), new).',
        )
    if "archive_format" in names:
        raise ModelError(
            f"{place} is an exported program, not a state dict",
            "Let its name end in .pt2 and write it as model.path, without factory.",
        )


def _members(path: Path, place: str) -> set[str]:
    """Names of what an archive holds, below its own folder, all as they were written."""
    try:
        archive = ZipFile(path)
    except Exception as error:  # zipfile fails in many types on what is damaged
        raise DamagedError(
            f"{place} is damaged: its index can't be read: {shown(str(error)[:80])}",
            "Copy it again, or save it again with torch.save(model.state_dict(), path).",
        ) from error
    with archive:
        _check_sums(archive, place)
        return {name.partition("/")[2] for name in archive.namelist()}


def _check_sums(archive: ZipFile, place: str) -> None:
    """Hold all members to the sums that the archive has of them."""
    damaged = wrong_sum(archive)
    if damaged:
        raise DamagedError(
            f"{place} is damaged: the checksum of `{shown(damaged[:80])}` in it is wrong",
            "Copy it again, or save it again with torch.save(model.state_dict(), path).",
        )


def _not_unpickled(error: Exception, place: str, weights_only: bool) -> ModelError:
    said = " ".join(str(error).split())
    _before, _, named = said.partition("GLOBAL ")
    what = named.split(" ")[0].strip("`'\",.") if named else ""
    if not weights_only:
        return ModelError(
            f"{place} can't be unpickled: {short(error)}",
            "The modules that its objects come from must be importable here.",
        )
    if what:
        return ModelError(
            f"{place} holds a pickled {what}, not only tensors", UNPICKLED
        )
    return DamagedError(
        f"{place} is no state dict: it is damaged or pickles objects ({short(error)})",
        UNPICKLED,
    )


def _tensors(found: Any, place: str) -> dict[str, torch.Tensor]:
    if not isinstance(found, Mapping):
        raise ModelError(
            f"{place} holds {type(found).__name__}, not a state dict",
            "Save one: torch.save(model.state_dict(), path).",
        )
    tensors = {k: v for k, v in found.items() if isinstance(v, torch.Tensor)}
    for key in NESTED:
        if not tensors and isinstance(found.get(key), Mapping):
            raise ModelError(
                f"{place} is a checkpoint: the state dict is under its key `{key}`",
                f'Save that alone: torch.save({LOADED}["{key}"], new_path).',
            )
    if not tensors:
        kinds = ", ".join(f"`{key}`" for key in list(map(str, found))[:5]) or "nothing"
        raise ModelError(
            f"{place} holds no tensors: {kinds}",
            "Save a state dict: torch.save(model.state_dict(), path).",
        )
    return dict(found)
