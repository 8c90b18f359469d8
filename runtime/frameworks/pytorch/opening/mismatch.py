"""Why weights don't fit a module: prefixes, near misses, shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from ....common.errors import ModelError

SHOWN = 3


def mismatch(
    own: Mapping[str, Any], given: Mapping[str, Any], place: str, error: Exception
) -> ModelError:
    """The error for weights that load_state_dict refused.

    Args:
        own: The module's state dict.
        given: The file's.
        place: What the message starts with.
        error: What load_state_dict said.
    """
    missing = [name for name in own if name not in given]
    unexpected = [str(name) for name in given if name not in own]
    if found := _prefix(own, given):
        return _prefix_error(*found, place)
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


def _prefix_error(prefix: str, in_file: bool, place: str) -> ModelError:
    """The error where a prefix is all that differs."""
    if in_file:
        return ModelError(
            f"every name in {place} starts with `{prefix}`, which the module's don't",
            f"Save it without: {{k.removeprefix({prefix!r}): v for k, v in "
            "torch.load(path).items()}.",
        )
    return ModelError(
        f"{place} has the module's names without their prefix `{prefix}`",
        f"Let the factory return the part that is `{prefix.rstrip('.')}`, or save the "
        "weights with the prefix.",
    )


def _prefix(own: Iterable[str], given: Iterable[str]) -> tuple[str, bool] | None:
    """The prefix that all names of one side have more, and whether that is the file."""
    ours, theirs = set(own), set(map(str, given))
    for names, others, in_file in ((theirs, ours, True), (ours, theirs, False)):
        for prefix in _beginnings(min(names, default="")):
            if others and {f"{prefix}{name}" for name in others} == names:
                return prefix, in_file
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
