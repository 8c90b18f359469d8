"""Why weights don't fit a module: prefixes, near misses, shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from .....common.errors import ModelError
from .prefix import spelled

SHOWN = 3


def mismatch(
    own: Mapping[str, Any],
    given: Mapping[str, Any],
    place: str,
    error: Exception,
    stripped: str = "",
) -> ModelError:
    """The error for weights that load_state_dict refused.

    Args:
        own: The module's state dict.
        given: The file's, without `stripped`.
        place: What the message starts with.
        error: What load_state_dict said.
        stripped: What the spec says that names in the file begin with.
    """
    missing = [name for name in own if name not in given]
    unexpected = [str(name) for name in given if name not in own]
    if found := _prefix(own, given):
        return _prefix_error(*found, place, stripped)
    if missing or unexpected:
        return _other_names(missing, unexpected, len(own), place)
    for name, value in given.items():
        wanted, shape = tuple(own[name].shape), tuple(getattr(value, "shape", ()))
        if wanted != shape:
            return ModelError(
                f"{place} has `{name}` in shape {shape}, the module's is {wanted}",
                "Make the factory build the module that was trained: number of classes, "
                "width, vocabulary.",
            )
    said = " ".join(str(error).split())[:200]
    return ModelError(f"{place} does not fit the factory's module: {said}")


def _prefix_error(prefix: str, in_file: bool, place: str, stripped: str) -> ModelError:
    """The error where a prefix is all that differs."""
    whole = stripped + prefix
    if in_file:
        return ModelError(
            f"every name in {place} starts with `{whole}`, which the module's don't",
            f"Write `strip_prefix: {spelled(whole)}` beside weights{_resaved(whole, place)}.",
        )
    if stripped.endswith(prefix):
        return ModelError(
            f"model.strip_prefix `{stripped}` takes `{prefix}` from the names in {place}, "
            "which the module's have",
            f"Write `strip_prefix: {spelled(stripped.removesuffix(prefix))}`."
            if stripped != prefix
            else "Leave it out.",
        )
    return ModelError(
        f"{place} has the module's names without their prefix `{prefix}`",
        f"Let the factory return the part that is `{prefix.rstrip('.')}`, or save the "
        "weights with the prefix.",
    )


def _resaved(prefix: str, place: str) -> str:
    """How the file is saved without a prefix, where torch.save wrote it."""
    if ".safetensors" in place:
        return ""
    return (
        f", or save it without: torch.save({{k.removeprefix({prefix!r}): v for k, v in "
        'torch.load(path, map_location="cpu").items()}, new_path)'
    )


def _prefix(own: Iterable[str], given: Iterable[str]) -> tuple[str, bool] | None:
    """The prefix that all names of one side have more, and whether that is the file.

    The file may lack names: those of tied weights, or it is told of them next.
    """
    ours, theirs = set(own), set(map(str, given))
    for prefix in _beginnings(min(theirs, default="")):
        if theirs <= {f"{prefix}{name}" for name in ours} and not theirs <= ours:
            return prefix, True
    for prefix in _beginnings(min(ours, default="")):
        if theirs and {f"{prefix}{name}" for name in theirs} == ours:
            return prefix, False
    return None


def _beginnings(name: str) -> list[str]:
    """`a.b.c` → `a.`, `a.b.`"""
    parts = name.split(".")
    return [".".join(parts[:k]) + "." for k in range(1, len(parts))]


def _other_names(
    missing: list[str], unexpected: list[str], count: int, place: str
) -> ModelError:
    parts = []
    if missing:
        parts.append(f"lacks {len(missing)} of {count} ({_shown(missing)})")
    if unexpected:
        parts.append(f"has {len(unexpected)} more ({_shown(unexpected)})")
    near = [
        f"`{close[0]}` for `{name}`"
        for name in missing
        if (close := get_close_matches(name, unexpected, n=1, cutoff=0.8))
    ]
    remedy = "Make the factory build the module that was trained"
    hint = f", or rename: it has {', '.join(near[:SHOWN])}." if near else "."
    return ModelError(
        f"{place} does not fit the factory's module: it {' and '.join(parts)}",
        remedy + hint,
    )


def _shown(names: list[str]) -> str:
    more = ", ..." if len(names) > SHOWN else ""
    return ", ".join(f"`{name}`" for name in names[:SHOWN]) + more
