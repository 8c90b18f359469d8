"""Safetensors: one file, or several with an index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from pathlib import Path
from zipfile import is_zipfile

import torch

from .....common.errors import DamagedError, ModelError
from ....opening.shard_index import AGAIN, shards
from ....refusals import shown
from .fitting import check_there, fit, short


def load_safetensors(
    model: torch.nn.Module, path: Path, *, strip_prefix: str = ""
) -> None:
    """Load a safetensors file into the module.

    Args:
        strip_prefix: What all names in the file begin with, and the module's don't.

    Raises:
        ModelError: The file can't be read, or does not fit.
    """
    place = f"model.weights: {path.name}"
    check_there(path, place)
    fit(model, _tensors(path, place), place, strip_prefix)


def load_sharded(
    model: torch.nn.Module, index: Path, *, strip_prefix: str = ""
) -> None:
    """Load the safetensors files that an index names into the module.

    Args:
        index: `model.safetensors.index.json`, as `save_pretrained` writes it.
        strip_prefix: As of `load_safetensors`.

    Raises:
        ModelError: The index or a file can't be read or is missing, they don't belong
            together, or the weights don't fit.
    """
    named = shards(index)
    # Names first: they are read in no time.
    _check_same(named, {path: _names(path) for path in named}, index.name)
    found: dict[str, torch.Tensor] = {}
    for path in named:
        found |= _tensors(path, f"model.weights: {path.name}")
    fit(model, found, f"model.weights: {index.name}", strip_prefix)


def _tensors(path: Path, place: str) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    with _read(path, place):
        return load_file(path)


def _names(path: Path) -> frozenset[str]:
    from safetensors import safe_open

    with (
        _read(path, f"model.weights: {path.name}"),
        safe_open(path, framework="pt") as file,
    ):
        return frozenset(file.keys())


@contextmanager
def _read(path: Path, place: str) -> Iterator[None]:
    from safetensors import SafetensorError

    try:
        yield
    except (SafetensorError, OSError, ValueError) as error:
        kind = "a zip archive, as torch.save writes it," if is_zipfile(path) else ""
        raise DamagedError(
            f"{place} is {kind or 'cut short, damaged,'} no safetensors file "
            f"({short(error)})",
            "Name a file after what it holds (.pt for torch.save), or copy it again.",
        ) from error


def _check_same(
    named: Mapping[Path, Set[str]], held: Mapping[Path, Set[str]], index: str
) -> None:
    """Each file holds what the index says, and nothing else."""
    place = f"model.weights: {index}"
    for path, names in named.items():
        for tensor in sorted(names - held[path]):
            there = [other.name for other in held if tensor in held[other]]
            where = f"in {there[0]}" if there else "in none of the files"
            raise ModelError(
                f"{place} says that `{shown(tensor)}` is in {path.name}, and it is {where}",
                AGAIN,
            )
    for path, names in held.items():
        for tensor in sorted(names - named[path]):
            there = [other.name for other in named if tensor in named[other]]
            said = f"says is in {there[0]}" if there else "does not name"
            raise ModelError(
                f"{path.name} holds `{shown(tensor)}`, which {place} {said}", AGAIN
            )
