"""The index of weights in several files: which file holds which tensors.

`save_pretrained` writes it beside the files: `{"weight_map": {name: file}}`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...common.errors import ModelError
from ..refusals import shown

ENDING = ".safetensors.index.json"
SHARD = ".safetensors"
AGAIN = "Copy the index again, with all files that it names."


def shards(index: Path) -> Mapping[Path, frozenset[str]]:
    """The files that an index names, in order of their names → tensors in each.

    Raises:
        ModelError: It can't be read, is no index, or names what is not beside it.
    """
    place = f"model.weights: {index.name}"
    held: dict[str, list[str]] = {}
    for tensor, file in _weight_map(index, place).items():
        _check_name(file, tensor, place)
        held.setdefault(file, []).append(tensor)
    beside = {path.name for path in index.parent.iterdir()}
    missing = [shown(name) for name in sorted(held) if name not in beside]
    if missing:
        more = ", ..." if len(missing) > 3 else ""
        raise ModelError(
            f"{place} names {len(held)} files, and {len(missing)} of them are not there: "
            f"{', '.join(missing[:3])}{more}",
            f"They belong beside it, in {index.parent}.",
        )
    return {index.parent / name: frozenset(held[name]) for name in sorted(held)}


def _weight_map(index: Path, place: str) -> Mapping[str, str]:
    if not index.is_file():
        text = (
            f"{place} {'is a folder' if index.is_dir() else 'does not exist'} ({index})"
        )
        raise ModelError(text, "Paths are relative to the spec.")
    try:
        found = json.loads(index.read_text("utf-8"), object_pairs_hook=_once)
    except OSError as error:
        raise ModelError(f"{place} can't be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        said = shown(str(error)[:120])
        raise ModelError(f"{place} is damaged: {said}", AGAIN) from error
    names = found.get("weight_map") if isinstance(found, dict) else None
    if not isinstance(names, dict) or not names:
        raise ModelError(
            f"{place} is no index of weights: it has no `weight_map`",
            "Name the file model.safetensors.index.json that save_pretrained writes.",
        )
    return names


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A mapping, each key of which is written once."""
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _count), *_others = Counter(key for key, _ in pairs).most_common()
        raise ValueError(f"`{twice}` is there twice")
    return found


def _check_name(file: Any, tensor: str, place: str) -> None:
    """A shard is a file beside its index."""
    what = f"{place} says that `{shown(tensor[:80])}` is in"
    if not isinstance(file, str):
        raise ModelError(f"{what} {type(file).__name__}, which is no file", AGAIN)
    leads_away = any(mark in file for mark in "/\\:\0") or file.startswith(".")
    if leads_away or not file.endswith(SHARD):
        raise ModelError(
            f"{what} `{shown(file[:80])}`, which is not opened: shards are files that end "
            f"in {SHARD}, beside the index",
            AGAIN,
        )
