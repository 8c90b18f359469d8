"""The outcome of a run as a sign and in a few words."""

from __future__ import annotations

from dataclasses import dataclass

from ..document.document import Document, Outcome


@dataclass(frozen=True)
class Status:
    """What is seen first.

    Attributes:
        kind: `holds`, `missed`, or `neutral`: neither good nor bad.
        sign: One character.
        mark: The same where colours are the reader's: an emoji.
        words: Without a full stop.
    """

    kind: str
    sign: str
    mark: str
    words: str


def status(document: Document) -> Status:
    """What came of the criterion, of what was judged, if anything was converted."""
    if document.outcome is Outcome.MISSED:
        on = " on random inputs" if document.assumed.made_up else ""
        return Status("missed", "✗", "❌", f"Criterion not met{on}")
    if not document.compute.changed:
        return Status("neutral", "–", "➖", "Nothing was converted")
    if document.outcome is Outcome.UNCHECKED:
        return Status("neutral", "?", "❔", "Not judged")
    if document.assumed.made_up:
        return Status("neutral", "?", "❔", "Criterion holds, on random inputs only")
    return Status("holds", "✓", "✅", "Criterion holds")
