"""The formats that mistakes and notes are shown in."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """How mistakes and notes are shown."""

    text = "text"
    json = "json"
    github = "github"
