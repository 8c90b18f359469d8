"""Operators are listed by their names, in texts: hundreds of them, a few lines."""

from __future__ import annotations


def listed(text: str) -> frozenset[str]:
    """The names in a text."""
    return frozenset(text.split())
