"""Why a file is not opened."""

from __future__ import annotations


class Damaged(Exception):
    """The file is not what it should be: cut short, corrupt, of another format."""


class Unsafe(Exception):
    """The file asks for what a model has no business with."""


def shown(text: str) -> str:
    """A name out of the file, fit to be printed."""
    return "".join(c if c.isprintable() else "?" for c in text[:120])
