"""The comments of a YAML text, by line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import yaml


@dataclass(frozen=True)
class Comments:
    """The user's own comments, without `#`.

    Attributes:
        above: Line → the comment that fills it.
        beside: Line → the comment after what stands in it.
    """

    above: Mapping[int, str]
    beside: Mapping[int, str]


def comments_of(text: str) -> Comments:
    """The comments of a text that is YAML."""
    lines = text.split("\n")
    ends: dict[int, int] = {}
    covered: set[int] = set()
    for token in yaml.scan(text):
        first, last = token.start_mark, token.end_mark
        if last.index > first.index:
            ends[last.line] = max(ends.get(last.line, 0), last.column)
            covered |= set(range(first.line, last.line))
    above: dict[int, str] = {}
    beside: dict[int, str] = {}
    for row, line in enumerate(lines):
        rest = line[ends.get(row, 0) :].strip()
        if row in covered or not rest.startswith("#"):
            continue
        said = rest[1:].removeprefix(" ")
        (beside if row in ends else above)[row + 1] = said
    return Comments(above, beside)
