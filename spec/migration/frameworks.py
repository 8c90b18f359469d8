"""For which frameworks a file is a valid spec, and what changes for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..framework import FRAMEWORK, OURS, framework_in, is_open, with_framework
from ..load import document_of, valid_for
from ..reading.source import Source
from ..sections.document import Document
from ..sections.model import UNSAID
from .changes import Changes, Value, changes_of

TRANSLATED = {"keras": "tensorflow", "inteltensorflow": "tensorflow"}
"""Names of Neural Compressor that no spec may have → ours."""

TOLD = "--framework tells it, or the ending of --model"


@dataclass(frozen=True)
class Read:
    """A file that is a valid spec.

    Attributes:
        source: What it says, in names of frameworks that a spec may have.
        documents: Framework → the document that the file is for it; all of ours that it
            is valid for where nothing tells which it is.
        is_open: Whether nothing tells it.
    """

    source: Source
    documents: Mapping[str, Document]
    is_open: bool

    @property
    def document(self) -> Document:
        """The document, for one framework if nothing tells which."""
        return next(iter(self.documents.values()))


def read_for(source: Source, framework: str) -> Read:
    """The file as a spec.

    Args:
        framework: As `load`.

    Raises:
        SpecError: It is valid for no framework.
    """
    told = with_framework(_translated(source), framework)
    if is_open(told):
        return Read(told, valid_for(told, document_of), True)
    return Read(told, {framework_in(told): document_of(told)}, False)


def _translated(source: Source) -> Source:
    model = source.data.get("model")
    written = model.get("framework") if isinstance(model, Mapping) else None
    if not isinstance(model, Mapping) or written not in TRANSLATED:
        return source
    framed = {**model, "framework": TRANSLATED[str(written)]}
    return replace(source, data={**source.data, "model": framed})


def common_changes(read: Read) -> Changes:
    """What becomes of the keys, whichever framework it will be."""
    first, *others = (changes_of(each, read.source) for each in read.documents.values())
    found = Changes(
        {
            k: v
            for k, v in first.dropped.items()
            if all(o.dropped.get(k) == v for o in others)
        },
        {
            k: v
            for k, v in first.written.items()
            if all(o.written.get(k) == v for o in others)
        },
        [each for each in first.moved if all(each in other.moved for other in others)],
    )
    if read.is_open:
        found.written.pop(FRAMEWORK, None)
        if FRAMEWORK in read.source.values and len(read.documents) < len(OURS):
            why = f"{TOLD}: {', '.join(read.documents)}"
            found.written[FRAMEWORK] = Value(UNSAID, why)
        elif FRAMEWORK in read.source.values:
            found.written[FRAMEWORK] = Value(UNSAID, TOLD)
    return found
