"""A key of the dialect, as its own section tells: type, default, meaning, an example."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..reading.values import Json
from ..sections.fields import near
from ..vocabulary import NAME
from .examples import example
from .schema import json_schema

STEP = re.compile(r"""\[(?:\d+|'([^']*)'|"([^"]*)")\]|\.?([^.\[\]]+)""")
SENTENCE = re.compile(r".*?\.(?=\s|$)", re.DOTALL)
KINDS = {
    "string": "text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
    "object": "a mapping",
    "array": "a list",
}
LIMITS = {
    "exclusiveMinimum": "above",
    "minimum": "at least",
    "exclusiveMaximum": "below",
    "maximum": "at most",
}


class UnknownKey(ValueError):
    """No such key, with what may be meant."""


@dataclass(frozen=True)
class Key:
    """What is to be said of a key.

    Attributes:
        path: Dotted; `NAME` where the user chooses.
        type: In words.
        default: As YAML; "" where there is none.
        required: Whether its section needs it.
        meaning: Sentences.
        example: YAML, from the top of a spec.
        keys: What stands below it → what that means.
    """

    path: str
    type: str
    default: str
    required: bool
    meaning: str
    example: str
    keys: Mapping[str, str]


def key(path: str) -> Key:
    """The key at a dotted path: `mixed_precision.precisions`, `model.inputs.shape`.

    Numbers of lists and names that the user chooses may be there or not; a last key
    alone does where there is one of that name.

    Raises:
        UnknownKey: There is none, or there are several.
    """
    found = keys(path)
    if len(found) > 1:
        several = ", ".join(each.path for each in found[:6])
        raise UnknownKey(f"`{path}` is a key of several sections: {several}")
    return found[0]


def keys(path: str) -> tuple[Key, ...]:
    """As `key`: all keys that a last key alone may mean, sorted.

    Raises:
        UnknownKey: There is none.
    """
    steps = tuple(name for each in STEP.finditer(path) if (name := _name(each)))
    if not steps:
        raise UnknownKey(f"there is no key `{path[:60]}`")
    if len(steps) == 1 and steps[0] not in _schema()["properties"]:
        return tuple(map(_key, _ending(steps[0])))
    return (_key(steps),)


def _key(steps: tuple[str, ...]) -> Key:
    schema: Json = _schema()
    required = False
    for row, step in enumerate(steps):
        sections = [each for each in _alternatives(schema) if _keys(each)]
        keys = {name: s for each in sections for name, s in _keys(each).items()}
        found = step if step in keys else NAME
        if found not in keys:
            below = ".".join(steps[:row])
            hint = near(step, tuple(keys)) if keys else "no key goes below it"
            where = f"`{step}` under `{below}`" if below else f"`{step}`"
            raise UnknownKey(f"there is no key {where}: {hint}")
        required = any(found in each.get("required", ()) for each in sections)
        schema = keys[found]
    return Key(
        path=".".join(steps),
        type=_type(schema),
        default="" if "default" not in schema else _flow(schema["default"]),
        required=required,
        meaning=_meaning(schema),
        example=example(steps, schema, tuple(_alternatives(schema))),
        keys={name: said for name, each in _below(schema) if (said := _meaning(each))},
    )


def text(found: Key) -> str:
    """It in lines for a terminal."""
    rows = [found.path, f"  {found.meaning}", "", f"  type      {found.type}"]
    if found.required:
        rows.append("  required")
    elif found.default:
        rows.append(f"  default   {found.default}")
    rows += ["", "  example", *(f"    {row}" for row in found.example.splitlines())]
    if found.keys:
        width = min(24, max(map(len, found.keys)))
        rows += ["", "  keys"]
        rows += [f"    {k:<{width}}  {meaning}" for k, meaning in found.keys.items()]
    return "\n".join(rows)


def short_text(found: Key) -> str:
    """Its path, and in one line below it what it takes and is."""
    what = f"{found.type}, required" if found.required else found.type
    if found.default and not found.required:
        what = f"{found.type}, {found.default} if left out"
    sentence = SENTENCE.match(found.meaning)
    return f"{found.path}\n  {what}: {sentence[0] if sentence else found.meaning}"


def _name(step: re.Match[str]) -> str:
    return next((each for each in step.groups() if each), "")


@cache
def _schema() -> Json:
    return json_schema()


def _ending(name: str) -> list[tuple[str, ...]]:
    """The paths that end in a key; it alone where none does."""
    found = {steps for steps in _paths(_schema(), ()) if steps[-1] == name}
    return sorted(found) or [(name,)]


def _paths(schema: Json, at: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, each in _below(schema):
        if name in at:  # of what holds itself
            continue
        yield (*at, name)
        yield from _paths(each, (*at, name))


def _below(schema: Json) -> Iterator[tuple[str, Json]]:
    """The keys that do something, and what they hold."""
    for each in _alternatives(schema):
        for name, found in _keys(each).items():
            if not found.get("doNotSuggest"):
                yield name, found


def _keys(schema: Json) -> dict[str, Json]:
    """The keys of a mapping; of one with chosen keys `NAME` alone."""
    values = schema.get("additionalProperties")
    chosen = {NAME: values} if isinstance(values, Mapping) else {}
    return {**chosen, **schema.get("properties", {})}


def _alternatives(schema: Json) -> Iterator[Json]:
    """What a value may be, references followed; of a list, what it holds."""
    for part in (*schema.get("allOf", ()), *schema.get("anyOf", ())):
        yield from _alternatives(part)
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/definitions/")
        yield from _alternatives(_schema()["definitions"][name])
    elif isinstance(schema.get("items"), dict):
        yield from _alternatives(schema["items"])
    elif not {"allOf", "anyOf"} & schema.keys():
        yield schema


def _meaning(schema: Json) -> str:
    own = schema.get("description", "")
    if own:
        return str(own)
    return next(
        (a["description"] for a in _alternatives(schema) if "description" in a), ""
    )


def _type(schema: Json) -> str:
    """The kinds of values, in words; other spellings of the same are left out."""
    words = dict.fromkeys(word for word in _words(schema) if word)
    return " or ".join(words) or "anything"


def _words(schema: Json) -> Iterator[str]:
    for part in (*schema.get("allOf", ()), *schema.get("anyOf", ())):
        if "pattern" not in part and part.get("type") != "null":
            yield from _words(part)
    if "$ref" in schema:
        yield "a section"
    elif "enum" in schema:
        yield f"one of {', '.join(str(each) for each in schema['enum'] if each)}"
    elif "type" in schema:
        yield _kind(schema)


def _kind(schema: Json) -> str:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    limits = (f" {w} {schema[k]}" for k, w in LIMITS.items() if k in schema)
    items = schema.get("items")
    held = f" of: {_type(items)}" if isinstance(items, dict) else ""
    named = "a mapping with keys of your own" if _keys(schema).keys() == {NAME} else ""
    return (named or KINDS[kinds[0]]) + held + ",".join(limits)


def _flow(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)
