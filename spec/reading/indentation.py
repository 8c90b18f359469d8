"""Which blocks of lines are open, by the columns they start in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

ENTRY = re.compile(r"""(?:[^\s#'"\[{][^#]*?|'[^']*'|"[^"]*")\s*:(?:\s|$)""")
"""A line, from its first character on, that gives a key its value."""


def fitting(lines: Sequence[str], row: int) -> str:
    """The indentations that would fit a line, as a hint; "" where none is known."""
    column = indent(lines[row])
    is_item = lines[row].lstrip().startswith("- ")
    columns: dict[int, int] = {}
    for items, start, above in _columns(lines[:row]):
        if items == is_item and start != column:
            columns.setdefault(start, above)
    less = [each for each in columns if each < column]
    more = [each for each in columns if each > column]
    fit = ([max(less)] if less else []) + ([min(more)] if more else [])
    said = " or ".join(f"{spaces(each)} as in line {columns[each]}" for each in fit)
    return f"check the indentation: {said} would fit" if said else ""


def _columns(above: Sequence[str]) -> Iterator[tuple[bool, int, int]]:
    """Where blocks start that are open below these lines: nearest first.

    Yields:
        Whether of items or keys, the column, and a line's number that starts there.
    """
    outermost = 1 << 30
    for row, line in reversed(tuple(enumerate(above, 1))):
        text = line.lstrip(" ")
        column = len(line) - len(text)
        if not text or text.startswith("#") or column > outermost:
            continue
        if dashes := re.match(r"(?:- +)+", text):
            yield True, column, row
        key = column + (dashes.end() if dashes else 0)
        if key <= outermost and ENTRY.match(line, key):
            yield False, key, row
        outermost = column


def indent(line: str) -> int:
    """How many spaces it starts with."""
    return len(line) - len(line.lstrip(" "))


def spaces(count: int) -> str:
    """`2 spaces`."""
    return "1 space" if count == 1 else f"{count or 'no'} spaces"
