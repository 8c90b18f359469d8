"""The rules that a spec breaks besides the mistakes that Pydantic sees.

Pydantic runs a section's rules only where all of it is valid. Here they run on what is
sound: a rule ends where it reads a value that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from .notes import notes
from .reading.diagnostics import Steps
from .reading.source import Data, Source
from .sections.document import Document
from .sections.section import Broken, Note, Problem, Section, Unsound
from .vocabulary import item_of, meant, section_of, spot, value_of


@dataclass(frozen=True)
class Besides:
    """What is to be said of a spec besides the mistakes that Pydantic sees.

    Attributes:
        problems: The rules that its sound part breaks, with their sections' paths.
        notes: What its writer should hear of its sound part.
        meant: What unknown keys were meant for, and is not written.
    """

    problems: tuple[tuple[Steps, Problem], ...]
    notes: tuple[Note, ...]
    meant: frozenset[Steps]


def besides(details: Iterable[ErrorDetails], source: Source) -> Besides:
    """What the sound part tells.

    Args:
        details: The mistakes that Pydantic sees.
    """
    rules = _Rules()
    fields: set[Steps] = set()
    for detail in details:
        steps = source.known(detail["loc"])
        error = detail.get("ctx", {}).get("error")
        if detail["type"] == "extra_forbidden":
            rules.touch(steps)
            fields |= set(_meant(steps, source))
        elif isinstance(error, Broken):
            rules.judge(steps, error.problems)
        elif detail["type"] == "missing":
            rules.spoil((*steps, str(detail["loc"][-1])))
        else:
            rules.spoil(steps)
    for field in fields:
        rules.spoil(field)
    said: tuple[Note, ...] = ()
    with suppress(Unsound):
        said = tuple(notes(rules.document(source.data)))
    return Besides(tuple(rules.found), said, frozenset(fields))


def _meant(steps: Steps, source: Source) -> Iterator[Steps]:
    """What an unknown key was meant for, if that is not written: no rule misses it."""
    at = spot(steps[:-1])
    found = meant(at, str(steps[-1]))
    if at.kind.exchangeable:
        yield steps[:-1]
    fields = ((*steps[:-1], found.alike), *found.elsewhere)
    yield from (field for field in fields if field not in source.values)


class _Rules:
    """Walks the sections that hold mistakes, the inner ones first."""

    def __init__(self) -> None:
        self.found: list[tuple[Steps, Problem]] = []
        self._wrong: set[Steps] = set()
        self._judged: set[Steps] = set()
        self._touched: set[Steps] = set()

    def spoil(self, steps: Steps) -> None:
        """A value can't be used, or is missing."""
        self._wrong.add(steps)
        self.touch(steps)

    def judge(self, steps: Steps, problems: Iterable[Problem]) -> None:
        """A section's rules were run; what one complains of, no outer one reads."""
        self._judged.add(steps)
        self.touch(steps)
        for problem in problems:
            if problem.at:
                self.spoil((*steps, *problem.at))

    def touch(self, steps: Steps) -> None:
        """Pydantic refuses what holds this."""
        self._touched |= {steps[:count] for count in range(len(steps) + 1)}

    def section(self, kind: type[Section], data: Data, steps: Steps) -> Section:
        """The section with what of it is sound; its rules are run once.

        Raises:
            Unsound: None of it is.
            ValidationError: The same.
        """
        if steps not in self._touched:
            return kind.model_validate(data)
        if steps not in self._judged:
            problems = tuple(self._sound(kind, data, steps).broken())
            self.found += [(steps, problem) for problem in problems]
            self.judge(steps, problems)
        return self._sound(kind, data, steps)

    def document(self, data: Data) -> Document:
        """The whole."""
        made = self.section(Document, data, ())
        assert isinstance(made, Document)
        return made

    def _sound(self, kind: type[Section], data: Data, steps: Steps) -> Section:
        """The section without the fields that can't be used."""
        data = {} if data is None else data
        if not isinstance(data, Mapping):
            raise Unsound
        sound = {}
        for name in kind.model_fields:
            with suppress(Unsound, ValidationError):
                sound[name] = self._field(kind, name, data, (*steps, name))
        made = _with(kind, sound, kind.model_fields.keys() & data.keys())
        made.remember(data)
        return made

    def _field(
        self, kind: type[Section], name: str, data: Mapping[str, Data], steps: Steps
    ) -> Any:
        """The value as Pydantic makes it, sections in it without what is wrong."""
        field = kind.model_fields[name]
        if steps in self._wrong:
            raise Unsound
        if steps not in self._touched and name not in data:
            return field.get_default(call_default_factory=True)
        if name not in data:
            raise Unsound
        value = data[name]
        if steps not in self._touched:
            return _adapter(kind, name).validate_python(value)
        if inner := section_of(field.annotation):
            return self.section(inner, value, steps)
        if isinstance(value, Mapping):
            return self._table(kind, name, value, steps)
        inner = section_of(item_of(field.annotation))
        if not inner or not isinstance(value, tuple):
            raise Unsound
        rows = enumerate(value)
        return tuple(self._item(inner, each, (*steps, row)) for row, each in rows)

    def _table(
        self, kind: type[Section], name: str, data: Mapping[str, Data], steps: Steps
    ) -> Mapping[str, Any]:
        """The entries that are sound, sections among them without what is wrong."""
        inner = section_of(value_of(kind.model_fields[name].annotation))
        clean = {k: v for k, v in data.items() if (*steps, k) not in self._touched}
        made = _adapter(kind, name).validate_python(clean)
        if inner is not None:
            wrong = [key for key in data if key not in clean]
            made |= {key: self._item(inner, data[key], (*steps, key)) for key in wrong}
        return {key: made[key] for key in data if key in made}

    def _item(self, kind: type[Section], data: Data, steps: Steps) -> Section:
        """The section; one of which nothing is sound is there, and can't be read."""
        with suppress(Unsound, ValidationError):
            if steps not in self._wrong:
                return self.section(kind, data, steps)
        return _with(kind, {}, set())


def _with(kind: type[Section], sound: Mapping[str, Any], written: set[str]) -> Section:
    """A section of which only some fields can be read."""
    made = kind.model_construct(_fields_set=written, **sound)
    for name in kind.model_fields.keys() - sound.keys():
        made.__dict__.pop(name, None)
    return made


@cache
def _adapter(kind: type[Section], name: str) -> TypeAdapter[Any]:
    """What validates a field by itself."""
    field = kind.model_fields[name]
    annotation: Any = field.annotation
    if field.metadata:
        annotation = Annotated[(annotation, *field.metadata)]
    config = None if section_of(annotation) else ConfigDict(strict=True)
    return TypeAdapter(annotation, config=config)
