"""What is to be said of one code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A kind of mistake.

    Attributes:
        code: Never another's, even if this one falls away.
        title: In a few words.
        meaning: What is wrong, and why it matters.
        example: A spec, a command or a message that shows it.
        remedy: What to do.
        exit_code: What ends with it; None for a note, which ends nothing.
    """

    code: str
    title: str
    meaning: str
    example: str
    remedy: str
    exit_code: int | None = 2
