"""The formats that mistakes and notes are shown in."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise


class Format(StrEnum):
    """How mistakes and notes are shown."""

    text = "text"
    json = "json"
    github = "github"


def asked(arguments: Sequence[str]) -> Format:
    """The format that is asked for by options that may be wrong."""
    for option, value in pairwise([*arguments, ""]):
        name, _, given = option.partition("=")
        if option == "--json":
            return Format.json
        if name == "--format" and (given or value) in list(Format):
            return Format(given or value)
    return Format.text
