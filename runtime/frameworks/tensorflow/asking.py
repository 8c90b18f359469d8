"""Names that the user wrote, held against those that the model has."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST = 10
"""Names that a message lists."""


def asked(name: str, names: Iterable[str]) -> str:
    """What to write instead of a name that is not among these."""
    known = list(names)
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    more = f", and {len(known) - MOST} more" if len(known) > MOST else ""
    return (
        f"There {'is' if len(known) == 1 else 'are'} {', '.join(known[:MOST])}{more}."
    )
