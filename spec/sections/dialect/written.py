"""The keys that only Neural Compressor has, where a spec writes them."""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from ...reading.diagnostics import Steps
from ..document import Document
from ..marks import INT8, LEAVE, effect_of, is_marked, is_said
from ..mixed_precision import DtypeSection, OpSection
from ..model import FRAMEWORKS
from ..section import Note, Section, Unsound


def effects(document: Document) -> Iterator[Note]:
    """One note for each key that changes nothing, and says other than what holds."""
    for at, section in _sections(document, ()):
        if isinstance(section, OpSection):
            yield from _quantized(section, at)
        if isinstance(section, DtypeSection):
            continue
        for key in section.written:
            effect = effect_of(type(section).model_fields[key])
            if effect is not None and is_said(section, key):
                yield Note((*at, key), effect, LEAVE)


def _quantized(op: OpSection, at: Steps) -> Iterator[Note]:
    with suppress(Unsound):
        if op.quantized:
            yield Note(at, f"{INT8}: {', '.join(op.quantized)}", "leave them out")


def is_theirs(document: Document) -> bool:
    """Whether the spec has a key or a name that only Neural Compressor has."""
    if document.model.framework not in FRAMEWORKS.values():
        return True
    if document.evaluation.performance is not None:
        return True
    return any(
        is_marked(type(section).model_fields[key])
        for _at, section in _sections(document, ())
        for key in section.written
    )


def _sections(section: Section, at: Steps) -> Iterator[tuple[Steps, Section]]:
    """The section and those in it, without what stands below a key of no effect."""
    yield at, section
    for key in section.written:
        if not is_marked(type(section).model_fields[key]):
            with suppress(Unsound):
                yield from _within(getattr(section, key), (*at, key))


def _within(value: object, at: Steps) -> Iterator[tuple[Steps, Section]]:
    if isinstance(value, Section):
        yield from _sections(value, at)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _within(each, (*at, key))
