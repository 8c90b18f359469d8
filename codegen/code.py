"""Python source text as a type, and values as literals: a spec can't inject code."""

from __future__ import annotations

import json
import keyword
import math
from collections.abc import Mapping


class Code(str):
    """Python source text; the only thing that a template may print."""

    __slots__ = ()


def literal(value: object) -> Code:
    """A plain value as source that evaluates to it, in ruff's spelling.

    Raises:
        TypeError: The value is not None, bool, int, float, str, or a tuple, list or
            string-keyed mapping of these.
    """
    if isinstance(value, str):
        return Code(_string(value))
    if value is None or isinstance(value, (bool, int)):
        return Code(repr(value))
    if isinstance(value, float):
        return Code(repr(value) if math.isfinite(value) else f'float("{value}")')
    if isinstance(value, (tuple, list)):
        items = [literal(item) for item in value]
        comma = "," if len(items) == 1 else ""
        return Code(f"({', '.join(items)}{comma})")
    if isinstance(value, Mapping):
        pairs = [f"{literal(key)}: {literal(item)}" for key, item in value.items()]
        return Code("{" + ", ".join(pairs) + "}")
    raise TypeError(f"{type(value).__name__} has no literal: {value!r}")


def _string(text: str) -> str:
    # A leading " forces repr to quote with ', so that only " is left to escape.
    body = repr('"' + text)[2:-1].replace("\\'", "'")
    quote = '"' if text.count('"') <= text.count("'") else "'"
    return quote + body.replace(quote, "\\" + quote) + quote


def dotted(name: str) -> Code:
    """A dotted Python name as source.

    Raises:
        ValueError: A part of it is no identifier, or is a keyword.
    """
    for part in name.split("."):
        if not part.isidentifier() or keyword.iskeyword(part):
            raise ValueError(f"{name!r} is not a Python name")
    return Code(name)


def variable(name: str, taken: frozenset[str]) -> Code:
    """The name as a local variable, with `_` appended where that would clash."""
    safe = f"{name}_" if keyword.iskeyword(name) or name in taken else name
    return dotted(safe)


def comment(text: str) -> Code:
    """Text for a comment or a docstring: one line, no escape, no closing quotes.

    Raises:
        ValueError: It holds a character that could end the line.
    """
    if not text.isprintable():
        raise ValueError(f"{text!r} can't be written in a comment")
    return Code(text.replace("\\", "/").replace('"', "'"))


def toml(text: str) -> Code:
    """A TOML string, which a JSON string of printable text is.

    Raises:
        ValueError: It holds a control character.
    """
    if not text.isprintable():
        raise ValueError(f"{text!r} can't be written in TOML")
    return Code(json.dumps(text, ensure_ascii=False))


def only_code(value: object) -> Code:
    """Jinja's `finalize`: whatever is no source text is a mistake in a template.

    Raises:
        TypeError: The template prints another type.
    """
    if isinstance(value, Code):
        return value
    raise TypeError(f"a template printed a raw {type(value).__name__}: {value!r}")
