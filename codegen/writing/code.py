"""Python source text as a type, and values as literals: a spec can't inject code."""

from __future__ import annotations

import json
import keyword
import math
import re
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
        if not math.isfinite(value):
            return Code(f'float("{value}")')
        return Code(repr(value).replace("e+", "e"))
    if isinstance(value, list):
        return Code(f"[{', '.join(literal(item) for item in value)}]")
    if isinstance(value, tuple):
        comma = "," if len(value) == 1 else ""
        return Code(f"({', '.join(literal(item) for item in value)}{comma})")
    if isinstance(value, Mapping):
        pairs = [f"{literal(key)}: {literal(item)}" for key, item in value.items()]
        return Code("{" + ", ".join(pairs) + "}")
    raise TypeError(f"{type(value).__name__} has no literal: {value!r}")


def _string(text: str) -> str:
    if _reads_raw(text):
        return f'r"{text}"'
    quote = '"' if text.count('"') <= text.count("'") else "'"
    # A leading " forces repr to quote with ', so that only " is left to escape.
    body = repr('"' + text)[2:-1].replace("\\'", "'")
    return quote + body.replace(quote, "\\" + quote) + quote


def _reads_raw(text: str) -> bool:
    """Whether backslashes are all that needs an escape, as in regular expressions."""
    raw = "\\" in text and not text.endswith("\\")
    return raw and text.isprintable() and '"' not in text


def dotted(name: str) -> Code:
    """A dotted Python name as source.

    Raises:
        ValueError: A part of it is no identifier, or is a keyword.
    """
    for part in name.split("."):
        if not part.isidentifier() or keyword.iskeyword(part) or part == "__debug__":
            raise ValueError(f"{name!r} is not a Python name")
    return Code(name)


def comment(text: str) -> Code:
    """A `#` comment's text, kept to the letter.

    Raises:
        ValueError: It could end the line, or be taken for an encoding (PEP 263).
    """
    if re.search(r"coding[:=]", text):
        raise ValueError(
            f"{text!r} can't stand in a comment of the script, where Python would read "
            "an encoding in it: rename it"
        )
    return Code(_printable(text))


def docstring(text: str) -> Code:
    """One line of a docstring, where a quote becomes `'` and a backslash `/`.

    Raises:
        ValueError: It could end the line.
    """
    return Code(_printable(text).replace("\\", "/").replace('"', "'"))


def toml(text: str) -> Code:
    """A TOML string, which a JSON string of printable text is.

    Raises:
        ValueError: It holds a control character.
    """
    return Code(json.dumps(_printable(text), ensure_ascii=False))


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError(
            f"{text!r} can't stand in a comment of the script: it holds a character "
            "that is not printable, rename it"
        )
    return text


def only_code(value: object) -> Code:
    """Jinja's `finalize`: whatever is no source text is a mistake in a template.

    Raises:
        TypeError: The template prints another type.
    """
    if isinstance(value, Code):
        return value
    raise TypeError(f"a template printed a raw {type(value).__name__}: {value!r}")
