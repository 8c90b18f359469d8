"""Pydantic's errors → diagnostics in a spec's own words, at their places."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from .besides import besides
from .reading.codes import Code
from .reading.diagnostics import Diagnostic, Steps
from .reading.source import Place, Source
from .sections.fields import Refused
from .sections.section import Broken, Problem
from .vocabulary import meant, spot

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
    """Each error at its key or value, in words that need no Pydantic.

    Broken rules and notes of what is written are among them.
    """
    details = error.errors(include_url=False)
    also = besides(details, source)
    for detail in details:
        if detail["type"] != "missing" or detail["loc"] not in also.meant:
            yield from _explain(detail, source)
    for steps, problem in also.problems:
        yield _problem(problem, steps, source)
    for note in also.notes:
        if note.at in source.values:
            yield source.note(note.at, note.text, note.hint, note.code)


def _explain(detail: ErrorDetails, source: Source) -> Iterator[Diagnostic]:
    kind = detail["type"]
    context = detail.get("ctx", {})
    steps = source.known(detail["loc"])
    place = source.place(steps)
    if kind == "extra_forbidden":
        yield _unknown(detail["loc"], source)
    elif kind == "missing":
        name = str(detail["loc"][-1])
        at, wanted = (*steps, name), _wanted(detail)
        yield source.diagnostic(place, at, "is required", wanted, Code.MISSING)
    elif kind == "value_error":
        yield from _broken(context["error"], steps, source)
    elif kind in LIMITS:
        message = LIMITS[kind].format(**context)
        yield source.diagnostic(place, steps, message, "", Code.RANGE)
    elif kind in EXPECTED:
        found = _found(detail["input"], source.values.get(steps))
        message = f"expected {EXPECTED[kind]}, found {found}"
        hint = _remedy(kind, detail["input"], source.values.get(steps))
        yield source.diagnostic(place, steps, message, hint, Code.TYPE)
    else:
        yield source.diagnostic(place, steps, detail["msg"], "", Code.FORM)


def _broken(error: ValueError, steps: Steps, source: Source) -> Iterator[Diagnostic]:
    if isinstance(error, Broken):
        for problem in error.problems:
            yield _problem(problem, steps, source)
    else:
        refused = error if isinstance(error, Refused) else Refused(str(error))
        place = source.place(steps)
        yield source.diagnostic(place, steps, str(error), refused.hint, refused.code)


def _problem(problem: Problem, steps: Steps, source: Source) -> Diagnostic:
    """A rule that the section at `steps` breaks."""
    at = source.known((*steps, *problem.at))
    return source.diagnostic(
        source.place(at), at, problem.message, problem.hint, problem.code
    )


def _unknown(steps: Steps, source: Source) -> Diagnostic:
    """A key that is not in the dialect, or not here."""
    steps = source.known(steps)
    hint = meant(spot(steps[:-1]), str(steps[-1])).hint
    return source.diagnostic(
        source.keys[steps], steps, "unknown key", hint, Code.UNKNOWN
    )


def _wanted(detail: ErrorDetails) -> str:
    """What a missing key is for."""
    section = spot(detail["loc"][:-1]).kind
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
