"""The keys that only Neural Compressor has, where a spec writes them."""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from ...reading.diagnostics import Steps
from ..document import Document
from ..marks import ASKING, INT8, LEAVE, effect_in, is_for_int8, is_said
from ..mixed_precision import DtypeSection, OpSection
from ..model import FRAMEWORKS
from ..section import Note, Section, Unsound
from .quantization import CalibrationSection


def effects(document: Document) -> Iterator[Note]:
    """One note for each key that changes nothing, and says other than what holds."""
    int8 = _asks_for_int8(document)
    for at, section in _sections(document, (), int8):
        if isinstance(section, OpSection):
            yield from _useless(section, at, int8)
        if isinstance(section, DtypeSection | CalibrationSection):
            continue
        for key in section.written:
            field = type(section).model_fields[key]
            effect = effect_in(field, int8)
            if effect is not None and is_said(section, key):
                asking = f": {ASKING}" if is_for_int8(field) else ""
                yield Note((*at, key), effect + asking, LEAVE)


def _asks_for_int8(document: Document) -> bool:
    """Whether it does; where that can't be told, no key is said to be in vain."""
    with suppress(Unsound):
        return document.mixed_precision.int8
    return True


def _useless(op: OpSection, at: Steps, int8: bool) -> Iterator[Note]:
    with suppress(Unsound):
        if keys := ", ".join(op.useless(int8)):
            text = f"has keys of no effect here: {keys}"
            if not int8:
                text = f"{INT8}: {keys}; {ASKING}"
            yield Note(at, text, "leave them out")


def is_theirs(document: Document) -> bool:
    """Whether the spec has a key or a name that only Neural Compressor has."""
    if document.model.framework not in FRAMEWORKS.values():
        return True
    if document.evaluation.performance is not None:
        return True
    int8 = _asks_for_int8(document)
    return any(
        effect_in(type(section).model_fields[key], int8) is not None
        for _at, section in _sections(document, (), int8)
        for key in section.written
    )


def _sections(
    section: Section, at: Steps, int8: bool
) -> Iterator[tuple[Steps, Section]]:
    """The section and those in it, without what stands below a key of no effect."""
    yield at, section
    for key in section.written:
        if effect_in(type(section).model_fields[key], int8) is None:
            with suppress(Unsound):
                yield from _within(getattr(section, key), (*at, key), int8)


def _within(value: object, at: Steps, int8: bool) -> Iterator[tuple[Steps, Section]]:
    if isinstance(value, Section):
        yield from _sections(value, at, int8)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _within(each, (*at, key), int8)
