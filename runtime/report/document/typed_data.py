"""Plain data whose shape is written once, as frozen dataclasses.

Fields are text, numbers, booleans, enumerations of text, other such dataclasses, tuples
and mappings of them, and any of these or None. What a class does not know in the data is
left out, and a field with a default may be missing: a file may be of a later version.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, asdict, fields, is_dataclass
from enum import StrEnum
from inspect import cleandoc
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from ...common.strict_json import strict

T = TypeVar("T")

DRAFT = "https://json-schema.org/draft/2020-12/schema"

NUMBER = {"anyOf": [{"type": "number"}, {"enum": ["nan", "inf", "-inf"]}]}
"""JSON has no such numbers: `strict` writes them as text."""

SIMPLE: Mapping[type, tuple[str, str]] = {
    str: ("string", "text"),
    int: ("integer", "a whole number"),
    bool: ("boolean", "true or false"),
}
"""Type → its name in JSON Schema, and in words."""


def plain(value: Any) -> Any:
    """A dataclass as strict JSON's data."""
    return strict(asdict(value))


def typed(kind: type[T], data: Any, at: str) -> T:
    """What `plain` was given.

    Args:
        at: What the data is called in messages.

    Raises:
        ValueError: It has another shape; the first place is named.
    """
    made: T = _typed(kind, data, at)
    return made


def _typed(kind: Any, data: Any, at: str) -> Any:
    options = _options(kind)
    if len(options) > 1:
        if data is None:
            return None
        (kind,) = (each for each in options if each is not type(None))
    if is_dataclass(kind):
        return _object(kind, data, at)
    origin = get_origin(kind)
    if origin is tuple:
        return _list(get_args(kind), data, at)
    if origin is not None:
        _hold(isinstance(data, Mapping), at, "an object")
        inner = get_args(kind)[1]
        return {str(k): _typed(inner, v, f"{at}.{k}") for k, v in data.items()}
    return _leaf(kind, data, at)


def _options(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _object(kind: Any, data: Any, at: str) -> Any:
    _hold(isinstance(data, Mapping), at, "an object")
    hints = get_type_hints(kind)
    found = {}
    for each in fields(kind):
        if each.name in data:
            where = f"{at}.{each.name}"
            found[each.name] = _typed(hints[each.name], data[each.name], where)
        elif _required(each):
            raise ValueError(f"{at} has no {each.name}")
    return kind(**found)


def _list(inner: tuple[Any, ...], data: Any, at: str) -> tuple[Any, ...]:
    _hold(isinstance(data, list), at, "a list")
    if inner[-1] is Ellipsis:
        inner = (inner[0],) * len(data)
    _hold(len(data) == len(inner), at, f"a list of {len(inner)}")
    rows = enumerate(zip(inner, data, strict=True))
    return tuple(_typed(kind, each, f"{at}[{k}]") for k, (kind, each) in rows)


def _leaf(kind: type, data: Any, at: str) -> Any:
    if kind is float:
        return _float(data, at)
    if issubclass(kind, StrEnum):
        _hold(data in [each.value for each in kind], at, f"one of {', '.join(kind)}")
        return kind(data)
    whole = isinstance(data, kind) and (kind is bool or not isinstance(data, bool))
    _hold(whole, at, SIMPLE[kind][1])
    return data


def _float(data: Any, at: str) -> float:
    number = isinstance(data, int | float) and not isinstance(data, bool)
    _hold(number or data in ("nan", "inf", "-inf"), at, "a number")
    try:
        return float(data)
    except OverflowError as error:
        raise ValueError(f"{at} is too large") from error


def _hold(right: bool, at: str, what: str) -> None:
    if not right:
        raise ValueError(f"{at} is not {what}")


def _required(each: Field[Any]) -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def schema(kind: type, title: str) -> dict[str, Any]:
    """The JSON Schema of a dataclass; descriptions are its docstrings'."""
    known: dict[str, Any] = {}
    _definition(kind, known)
    whole = known.pop(kind.__name__)
    return {"$schema": DRAFT, "title": title, **whole, "$defs": known}


def _definition(kind: Any, known: dict[str, Any]) -> None:
    known[kind.__name__] = {}  # before those that name it
    hints, said = get_type_hints(kind), _described(kind)
    rows = {
        each.name: {
            **_schema(hints[each.name], known),
            **({"description": said[each.name]} if each.name in said else {}),
        }
        for each in fields(kind)
    }
    known[kind.__name__] = {
        "description": cleandoc(kind.__doc__ or "").split("\n\n")[0],
        "type": "object",
        "properties": rows,
        "required": [each.name for each in fields(kind) if _required(each)],
    }


def _schema(kind: Any, known: dict[str, Any]) -> dict[str, Any]:
    options = _options(kind)
    if len(options) > 1:
        inner = [_schema(each, known) for each in options if each is not type(None)]
        return {"anyOf": [*inner, {"type": "null"}]}
    if is_dataclass(kind):
        if kind.__name__ not in known:  # type: ignore[union-attr]
            _definition(kind, known)
        return {"$ref": f"#/$defs/{kind.__name__}"}  # type: ignore[union-attr]
    origin, inner_kinds = get_origin(kind), get_args(kind)
    if origin is tuple:
        return {"type": "array", **_items(inner_kinds, known)}
    if origin is not None:
        inner_schema = _schema(inner_kinds[1], known)
        return {"type": "object", "additionalProperties": inner_schema}
    if kind is float:
        return dict(NUMBER)
    if issubclass(kind, StrEnum):
        return {"enum": [each.value for each in kind]}
    return {"type": SIMPLE[kind][0]}


def _items(inner: tuple[Any, ...], known: dict[str, Any]) -> dict[str, Any]:
    if inner[-1] is Ellipsis:
        return {"items": _schema(inner[0], known)}
    rows = [_schema(each, known) for each in inner]
    return {"prefixItems": rows, "items": False, "minItems": len(rows)}


ATTRIBUTE = re.compile(
    r"^    (?P<names>\w+(?:, \w+)*): (?P<text>.*(?:\n {8}.*)*)", re.M
)


def _described(kind: Any) -> dict[str, str]:
    """Field → what the class's docstring says of it."""
    return dict(_rows(cleandoc(kind.__doc__ or "")))


def _rows(text: str) -> Iterator[tuple[str, str]]:
    for found in ATTRIBUTE.finditer(text.partition("Attributes:\n")[2]):
        said = " ".join(found["text"].split())
        yield from ((name, said) for name in found["names"].split(", "))
