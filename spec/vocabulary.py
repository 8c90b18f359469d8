"""Where each key of the dialect stands, read off the sections' own types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, lru_cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from .reading.diagnostics import Steps
from .sections.document import Document
from .sections.fields import near
from .sections.marks import AGAIN, effect_of
from .sections.section import Section

NAME = "NAME"
"""Stands for a key that the user chooses."""

ALIKE = 0.75
"""How close a key's spelling is to one beside it that is preferred to the very key in
another section."""


@dataclass(frozen=True)
class Meant:
    """What an unknown key may have been meant for.

    Attributes:
        hint: For the user.
        alike: A key of the same section.
        elsewhere: Paths of the very key in other sections.
    """

    hint: str
    alike: str = ""
    elsewhere: tuple[Steps, ...] = ()


@dataclass(frozen=True)
class Spot:
    """A section's place among the types.

    Attributes:
        kind: The section's class.
        steps: Its path, keys that the user chose as `NAME`, without numbers in lists.
    """

    kind: type[Section]
    steps: Steps


OUTPUTS = ("model", "outputs")
"""Where names that users chose stand, though the section holds them as a list."""


def spot(steps: Steps) -> Spot:
    """The innermost section on the way to `steps`."""
    annotation: Any = Document
    found = Spot(Document, ())
    path: Steps = ()
    around = found
    for step in steps:
        parts = dict(_below(annotation))
        key = step if step in parts else NAME
        if isinstance(step, str) and key in parts:
            path = (*path, key)
            annotation = parts[key]
        elif isinstance(step, int):
            annotation = item_of(annotation)
            if AGAIN in getattr(annotation, "__metadata__", ()):
                annotation = around.kind
        elif path == OUTPUTS:  # kept as a list, written as a mapping
            path, annotation = (*path, NAME), item_of(annotation)
        else:
            break
        if kind := section_of(annotation):
            around, found = found, Spot(kind, path)
    return found


@lru_cache(maxsize=4096)
def meant(at: Spot, name: str) -> Meant:
    """What `name`, which is no key of this section, may be meant for."""
    known = tuple(at.kind.model_fields)
    elsewhere = _elsewhere(at, name)
    alike = get_close_matches(name, known, 1, ALIKE if elsewhere else 0.6)
    alike = alike or [each for each in known if each.lower() == name.lower()]
    if alike:
        return Meant(f"did you mean `{alike[0]}`?", alike[0])
    if elsewhere:
        parents = " or ".join(f"`{_shown(steps, at.steps)}`" for steps in elsewhere)
        fields = tuple((*steps, name) for steps in elsewhere)
        return Meant(f"`{name}` stands under {parents}", elsewhere=fields)
    for close in get_close_matches(name, _parents(), 1, 0.85):
        for steps in _elsewhere(at, close)[:1]:
            hint = f"did you mean `{close}` under `{_shown(steps, at.steps)}`?"
            return Meant(hint, elsewhere=((*steps, close),))
    return Meant(near(name, known, at.kind.offered()) if known else "no key goes here")


def is_key(name: str) -> bool:
    """Whether some section has the key."""
    return name in _parents()


def _elsewhere(at: Spot, name: str) -> tuple[Steps, ...]:
    """The sections that have the key, nearest first, at most three."""

    def away(steps: Steps) -> tuple[int, int]:
        shared = 0
        for one, other in zip(steps, at.steps, strict=False):
            if one != other:
                break
            shared += 1
        return -shared, len(steps)

    found = sorted((s for s in _parents().get(name, ()) if s != at.steps), key=away)
    return tuple(s for s in found[:3] if away(s) == away(found[0]))


def _shown(steps: Steps, here: Steps) -> str:
    """A section's path; from here on, if it is within."""
    within = len(here) < len(steps) and steps[: len(here)] == here
    return ".".join(map(str, steps[len(here) :] if within else steps))


@cache
def _parents() -> Mapping[str, tuple[Steps, ...]]:
    """Key → the sections that have it; those where it does something, if any."""
    found: dict[str, tuple[Steps, ...]] = {}
    unused: dict[str, tuple[Steps, ...]] = {}
    for steps, kind in _sections(Document, ()):
        for name, field in kind.model_fields.items():
            names = found if effect_of(field) is None else unused
            names[name] = (*names.get(name, ()), steps)
    return unused | found


def _sections(annotation: Any, steps: Steps) -> Iterator[tuple[Steps, type[Section]]]:
    """Every section that a type holds, without what has no effect as a whole."""
    while (item := item_of(annotation)) is not None:
        annotation = item
    if kind := section_of(annotation):
        yield steps, kind
    for name, below in _below(annotation):
        field = kind.model_fields[name] if kind else None
        if field is None or effect_of(field) is None:
            yield from _sections(below, (*steps, name))


def _below(annotation: Any) -> Iterator[tuple[str, Any]]:
    """The keys of a section or mapping, and their types."""
    if kind := section_of(annotation):
        for name, field in kind.model_fields.items():
            yield name, field.annotation
    for part in _parts(annotation):
        if get_origin(part) is dict:
            yield NAME, get_args(part)[1]


def item_of(annotation: Any) -> Any:
    """What a list holds; None where it is no list."""
    for part in _parts(annotation):
        if get_origin(part) is tuple:
            return get_args(part)[0]
    return None


def value_of(annotation: Any) -> Any:
    """What a mapping holds whose keys the user chooses; None where it is none."""
    return next((each for key, each in _below(annotation) if key == NAME), None)


def section_of(annotation: Any) -> type[Section] | None:
    """The section that a value of this type is, None if it is none."""
    kinds = (part for part in _parts(annotation) if isinstance(part, type))
    return next((kind for kind in kinds if issubclass(kind, Section)), None)


def _parts(annotation: Any) -> Iterator[Any]:
    """The alternatives of a type, without what is annotated."""
    if get_origin(annotation) is Annotated:
        yield from _parts(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from _parts(part)
    else:
        yield annotation
