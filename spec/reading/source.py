"""A spec's text as plain data that remembers where each key and value stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .codes import Code
from .diagnostics import Diagnostic, Steps, dotted

Data = None | bool | int | float | str | tuple["Data", ...] | Mapping[str, "Data"]
"""What YAML holds once read: sequences are tuples, keys are strings."""


@dataclass(frozen=True, slots=True)
class Place:
    """A position in the text, line and column counted from 1.

    Attributes:
        scalar: The text of the scalar that starts here, None for a collection.
    """

    line: int
    column: int
    scalar: str | None = None


@dataclass(frozen=True)
class Source:
    """A read document.

    Attributes:
        name: The file, as the user named it.
        lines: The text, broken where YAML breaks it.
        data: The content; a mapping at the top.
        keys: Path of an entry → where its key stands; list items have none.
        values: Path → where the value starts.
    """

    name: str
    lines: tuple[str, ...]
    data: Mapping[str, Data] = field(default_factory=dict)
    keys: Mapping[Steps, Place] = field(default_factory=dict)
    values: Mapping[Steps, Place] = field(default_factory=dict)

    def known(self, steps: Steps) -> Steps:
        """The path without the steps that the text has no place for."""
        path: Steps = ()
        for step in steps:
            if (*path, step) in self.values:
                path = (*path, step)
        return path

    def place(self, steps: Steps) -> Place:
        """Where to point for a mistake in a value: a scalar itself, else its key."""
        value = self.values.get(steps, Place(1, 1))
        if value.scalar:
            return value
        return self.keys.get(steps, value)

    def diagnostic(
        self,
        place: Place,
        steps: Steps,
        message: str,
        hint: str = "",
        code: Code = Code.RULE,
    ) -> Diagnostic:
        """The mistake at `place`, said of the value at `steps`."""
        row = place.line - 1
        line = self.lines[row] if 0 <= row < len(self.lines) else ""
        return Diagnostic(
            self.name,
            place.line,
            place.column,
            dotted(steps),
            message,
            hint,
            line,
            code=code,
        )

    def note(self, steps: Steps, text: str, hint: str, code: Code) -> Diagnostic:
        """What is said of the key at `steps`, or of its section if it isn't written."""
        at = self.known(steps)
        place = self.keys.get(at, self.values.get(at, Place(1, 1)))
        diagnostic = self.diagnostic(place, steps, text, hint, code)
        return replace(diagnostic, severity="note")
