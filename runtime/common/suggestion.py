"""Names that the user wrote, held against those that there are."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST = 10
"""Names that a message lists."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """What to write instead of a name that is not among these, as a sentence."""
    names = list(known)
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f"Did you mean {' or '.join(map(_quoted, near))}?"
    more = f", and {len(names) - MOST} more" if len(names) > MOST else ""
    listed = ", ".join(map(_quoted, names[:MOST])) or "none"
    return f"There {'is' if len(names) == 1 else 'are'} {listed}{more}."


def _quoted(name: str) -> str:
    return f"`{name}`"
