"""YAML as lines: keys and values with comments, in blocks that are indented by two."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..reading.construct import SCALARS
from ..reading.source import Data

WIDTH = 88
OWN = r"[^\s:#,\[\]{}&*!|>'\"%@`]"
PLAIN = re.compile(rf"[A-Za-z_./\\^(](?:{OWN}|:(?={OWN}))*")
"""Text that is surely a string without quotes, if it is no word of YAML's."""


@dataclass(frozen=True)
class Remark:
    """A comment on lines of its own, without `#`."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """A key and its value, or an item of a list.

    Attributes:
        key: None for an item.
        value: A value on one line, or what stands below the key.
        beside: A comment on the key's line, without `#`; "" for none.
    """

    key: str | None
    value: str | tuple[Entry | Remark, ...]
    beside: str = ""


def lines_of(parts: Sequence[Entry | Remark], indent: int = 0) -> Iterator[str]:
    """The block, line by line."""
    margin = " " * indent
    for part in parts:
        if isinstance(part, Remark):
            yield from (f"{margin}{_comment(line)}" for line in part.lines)
            continue
        head = "-" if part.key is None else f"{text(part.key)}:"
        beside = f"  {_comment(part.beside)}" if part.beside else ""
        if isinstance(part.value, str):
            yield f"{margin}{head} {part.value}".rstrip() + beside
        elif part.key is not None:
            yield f"{margin}{head}{beside}"
            yield from lines_of(part.value, indent + 2)
        else:
            first, *others = lines_of(part.value, indent + 2)
            yield f"{margin}- {first[indent + 2 :]}{beside}"
            yield from others


def _comment(said: str) -> str:
    return f"#{said}" if said.startswith(("#", "!")) else f"# {said}".rstrip()


def flow(value: Data, scalar: str | None = None) -> str:
    """A value on one line.

    Args:
        scalar: How a number was written.
    """
    if isinstance(value, Mapping):
        items = (f"{text(key)}: {flow(each)}" for key, each in value.items())
        return "{" + ", ".join(items) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str):
        return text(value)
    if value is None:
        return "~"
    if scalar is not None:
        return scalar
    return str(value).lower() if isinstance(value, bool) else repr(value)


def text(value: str) -> str:
    """A string as YAML has it, quoted where it has to be."""
    special = any(re.fullmatch(form, value) for form, _ in SCALARS.values())
    if PLAIN.fullmatch(value) and not special:
        return value
    if value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    escaped = (c if c.isprintable() and c not in '"\\' else _escaped(c) for c in value)
    return '"' + "".join(escaped) + '"'


def _escaped(character: str) -> str:
    return f"\\U{ord(character):08X}"
