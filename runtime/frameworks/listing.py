"""Operators are listed by their names, in texts: hundreds of them, a few lines."""

from __future__ import annotations

from collections.abc import Mapping

from ..graph.growth import Growth


def listed(text: str) -> frozenset[str]:
    """The names in a text."""
    return frozenset(text.split())


def grown(**texts: str) -> Mapping[str, Growth]:
    """Name → what it makes of whole numbers, of texts named as `Growth` names them."""
    return {
        name: Growth(growth) for growth, text in texts.items() for name in text.split()
    }
