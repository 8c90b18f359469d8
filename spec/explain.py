"""Pydantic's errors → diagnostics in a spec's own words, at their places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from .reading.diagnostics import Diagnostic, Steps
from .reading.source import Place, Source
from .sections.document import Document
from .sections.fields import Refused, near
from .sections.section import Broken, Section

EXPECTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
LIMITS = {
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_long": "must have at most {max_length} characters",
}


def explain(error: ValidationError, source: Source) -> Iterator[Diagnostic]:
    """Each error at its key or value, in words that need no Pydantic."""
    for detail in error.errors(include_url=False):
        yield from _explain(detail, source)


def _explain(detail: ErrorDetails, source: Source) -> Iterator[Diagnostic]:
    kind = detail["type"]
    context = detail.get("ctx", {})
    steps = source.known(detail["loc"])
    place = source.place(steps)
    if kind == "extra_forbidden":
        yield _unknown(detail["loc"], source)
    elif kind == "missing":
        name = str(detail["loc"][-1])
        yield source.diagnostic(place, (*steps, name), "is required", _wanted(detail))
    elif kind == "value_error":
        yield from _broken(context["error"], steps, source)
    elif kind in LIMITS:
        message = LIMITS[kind].format(**context)
        yield source.diagnostic(place, steps, message)
    elif kind in EXPECTED:
        found = _found(detail["input"], source.values.get(steps))
        message = f"expected {EXPECTED[kind]}, found {found}"
        hint = _remedy(kind, detail["input"], source.values.get(steps))
        yield source.diagnostic(place, steps, message, hint)
    else:
        yield source.diagnostic(place, steps, detail["msg"])


def _broken(error: ValueError, steps: Steps, source: Source) -> Iterator[Diagnostic]:
    if isinstance(error, Broken):
        for problem in error.problems:
            at = source.known((*steps, *problem.at))
            place = source.place(at)
            yield source.diagnostic(place, at, problem.message, problem.hint)
    else:
        hint = error.hint if isinstance(error, Refused) else ""
        yield source.diagnostic(source.place(steps), steps, str(error), hint)


def _unknown(steps: Steps, source: Source) -> Diagnostic:
    """A key that is not in the dialect."""
    section = _section(steps[:-1])
    name = str(steps[-1])
    known = tuple(section.model_fields)
    place = source.keys[source.known(steps)]
    hint = near(name, known, section.offered()) if known else "no key goes here"
    return source.diagnostic(place, source.known(steps), "unknown key", hint)


def _section(steps: Steps) -> type[Section]:
    """The class of the section at `steps`."""
    section: type[Section] = Document
    for step in steps:
        if field := section.model_fields.get(str(step)):
            section = next(_sections(field.annotation), section)
    return section


def _sections(annotation: Any) -> Iterator[type[Section]]:
    """The section classes that a type mentions."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for argument in get_args(annotation):
        yield from _sections(argument)


def _wanted(detail: ErrorDetails) -> str:
    """What a missing key is for."""
    section = _section(detail["loc"][:-1])
    field = section.model_fields.get(str(detail["loc"][-1]))
    return field.description or "" if field else ""


def _found(value: object, place: Place | None) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, tuple):
        return "a list"
    if value is None:
        return "nothing"
    text = place.scalar if place and place.scalar else str(value)
    short = text if len(text) <= 40 else f"{text[:40]}…"
    return repr(short) if isinstance(value, str) else short


def _remedy(kind: str, value: object, place: Place | None) -> str:
    if kind == "string_type" and isinstance(value, bool | int | float):
        text = place.scalar if place else str(value)
        return f"quote it: '{text}'"
    if kind == "tuple_type" and not isinstance(value, dict) and value is not None:
        return f"write a list: [{_found(value, place)}]"
    return ""
