"""Trained weights out of a file into the factory's module."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile, is_zipfile

import torch

from ....common.errors import DamagedError, ModelError, ModelWarning
from ...refusals import shown
from .mismatch import mismatch
from .tied import with_tied
from .untrusted.index import wrong_sum

NESTED = ("state_dict", "model_state_dict", "model", "net", "weights", "params")
"""Keys under which training checkpoints keep the weights."""

UNPICKLED = (
    "Save plain tensors: torch.save(model.state_dict(), path); if you trust where the "
    "file comes from, write `trust: true` under `model`: code that is in it then runs."
)


def load_state_dict(model: torch.nn.Module, path: Path, *, weights_only: bool) -> None:
    """Load what `torch.save(model.state_dict(), path)` wrote into the module.

    Args:
        weights_only: As torch.load's: unpickle tensors and containers, no objects.

    Raises:
        ModelError: The file can't be read, holds something else, or does not fit.
    """
    place = f"model.weights: {path.name}"
    _check_file(path, place)
    try:
        found = torch.load(path, map_location="cpu", weights_only=weights_only)
    except (pickle.UnpicklingError, AttributeError, ImportError) as error:
        raise _not_unpickled(error, place, weights_only) from error
    except Exception as error:  # damaged files fail in torch's and Python's types
        raise DamagedError(
            f"{place} can't be read: it is cut short or damaged ({_short(error)})",
            "Copy it again, or save it again with torch.save(model.state_dict(), path).",
        ) from error
    if isinstance(found, torch.nn.Module):
        found = found.state_dict()
    _into(model, _tensors(found, place), place)


def load_safetensors(model: torch.nn.Module, path: Path) -> None:
    """Load a safetensors file into the module.

    Raises:
        ModelError: The file can't be read, or does not fit.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    place = f"model.weights: {path.name}"
    _check_there(path, place)
    try:
        found = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        kind = "a zip archive, as torch.save writes it," if is_zipfile(path) else ""
        raise DamagedError(
            f"{place} is {kind or 'cut short, damaged,'} no safetensors file "
            f"({_short(error)})",
            "Name a file after what it holds (.pt for torch.save), or copy it again.",
        ) from error
    _into(model, found, place)


def _check_there(path: Path, place: str) -> None:
    if path.is_dir():
        raise ModelError(f"{place} is a folder", "Name the file in it.")
    if not path.exists():
        raise ModelError(
            f"{place} does not exist ({path})", "Paths are relative to the spec."
        )


def _check_file(path: Path, place: str) -> None:
    """Tell files that are no state dict by their form, before anything is unpickled."""
    _check_there(path, place)
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
            "Out of the archive: torch.save(torch.jit.load(path).state_dict(), new).",
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
            f"{place} can't be unpickled: {_short(error)}",
            "The modules that its objects come from must be importable here.",
        )
    if what:
        return ModelError(
            f"{place} holds a pickled {what}, not only tensors", UNPICKLED
        )
    return DamagedError(
        f"{place} is no state dict: it is damaged or pickles objects ({_short(error)})",
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
                f'Save that alone: torch.save(torch.load(path)["{key}"], new_path).',
            )
    if not tensors:
        kinds = ", ".join(f"`{key}`" for key in list(map(str, found))[:5]) or "nothing"
        raise ModelError(
            f"{place} holds no tensors: {kinds}",
            "Save a state dict: torch.save(model.state_dict(), path).",
        )
    return dict(found)


def _into(model: Any, weights: dict[str, torch.Tensor], place: str) -> None:
    if not isinstance(model, torch.nn.Module):
        raise ModelError(
            f"model.factory gives {_kind(model)}, not a torch.nn.Module",
            "Let it return the module itself.",
        )
    _check_numbers(weights, place)
    own = model.state_dict()
    weights = with_tied(model, weights)
    try:
        with warnings.catch_warnings():
            # Parameters on the meta device stay there; said below, as an error.
            warnings.filterwarnings("ignore", message=".*meta parameter")
            model.load_state_dict(weights)
    except Exception as error:
        raise mismatch(own, weights, place, error) from error
    _say_rounding(own, weights, place)


def _kind(value: object) -> str:
    """What a factory gave instead of a module, for messages."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return "None" if value is None else f"an object of {type(value).__name__}"


def _check_numbers(weights: Mapping[str, Any], place: str) -> None:
    for name, value in weights.items():
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            count = int(value.isnan().sum())
            if count:
                raise ModelError(
                    f"{place} holds {count} NaN of {value.numel()} in `{name}`",
                    "Training diverged, or the file is damaged: take another one.",
                )


def _say_rounding(
    own: Mapping[str, torch.Tensor], weights: Mapping[str, Any], place: str
) -> None:
    """Warn of weights that come in another precision: load_state_dict casts silently."""
    other = [
        (name, value.dtype, own[name].dtype)
        for name, value in weights.items()
        if isinstance(value, torch.Tensor)
        and name in own
        and value.is_floating_point()
        and value.dtype != own[name].dtype
    ]
    if other:
        name, held, wanted = other[0]
        text = (
            f"{place} holds {len(other)} of {len(weights)} tensors in another precision "
            f"than the module's (`{name}`: {held}, the module has {wanted}): the fp32 "
            "baseline is the model with these rounded weights"
        )
        warnings.warn(text, ModelWarning, stacklevel=3)


def _short(error: Exception) -> str:
    said = " ".join(str(error).split())[:120]
    return said or type(error).__name__
