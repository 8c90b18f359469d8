"""HTML and SVG as calls: what is not markup already is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

VOID = frozenset({"br", "hr", "link", "meta"})
"""Elements without content."""


class Markup(str):
    """Text that is markup: made here alone."""

    __slots__ = ()


def shown(value: object) -> Markup:
    """Text as it is read: characters that steer a terminal or a page are spelt out."""
    text = "".join(c if c.isprintable() else _spelt(c) for c in str(value))
    return Markup(escape(text, quote=True))


def _spelt(character: str) -> str:
    return " " if character in "\n\t\u00a0" else ascii(character)[1:-1]


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """An element.

    Args:
        children: Markup, text, or None for nothing.
        attributes: Names with `_` for `-`, and behind a word of Python's (`class_`); None
            and False leave one out, True gives it no value.
    """
    head = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Markup(f"<{name}{head}>")
    return Markup(f"<{name}{head}>{joined(children)}</{name}>")


def joined(children: Iterable[object]) -> Markup:
    """Children one after another."""
    return Markup("".join(_child(each) for each in children if each is not None))


def _child(child: object) -> str:
    return str(child) if isinstance(child, Markup) else shown(child)


def _attribute(key: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{shown(value)}"'
