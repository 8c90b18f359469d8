"""What is to be said of a spec and where; the one way it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from .codes import Code

Step = str | int
Steps = tuple[Step, ...]
"""Keys and list indices from the top of the document to one value."""

WIDTH = 96

Paint = Callable[[str, str], str]
"""A kind of part ("error", "note", "place", "caret") and its text → what is shown."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake in a spec, or what its writer should hear.

    Attributes:
        file: The spec's file, as the user named it.
        line: Counted from 1; 0 where the file as a whole is meant.
        column: Counted from 1, in characters; 0 where the file as a whole is meant.
        path: The key, as `dotted` writes it; "" for the document itself.
        message: What is wrong; of a note, what follows the key in a sentence.
        hint: What to write instead, "" where the message says it.
        source: The line's text.
        severity: A spec with an error can't be used; a note changes nothing.
        code: The kind of mistake, or of note.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str = ""
    source: str = ""
    severity: Literal["error", "note"] = "error"
    code: Code = Code.RULE


class SpecError(Exception):
    """A spec that can't be used: every mistake, notes among them, as the file has them."""

    exit_code = 2

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = in_order(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        return "\n".join(format_diagnostic(d) for d in self.diagnostics)


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Each once, in the order of the file."""
    unique = dict.fromkeys(diagnostics)
    return tuple(sorted(unique, key=lambda d: (d.line, d.column, d.path)))


def dotted(steps: Steps) -> str:
    """`("inputs", 0, "my.op")` → `inputs[0]['my.op']`."""
    text = ""
    for step in steps:
        if isinstance(step, str) and step.isidentifier():
            text += f".{step}"
        else:
            text += f"[{step!r}]"
    return text.removeprefix(".")


def plain(kind: str, text: str) -> str:
    """The text as it is: a `Paint`."""
    return text


def format_diagnostic(diagnostic: Diagnostic, paint: Paint = plain) -> str:
    """`file:line:column: error[NC201]: path: message`, the line with a caret, the hint.

    A note is one line: `file:line:column: note[NC352]: path message`.
    """
    where = [diagnostic.file]
    if diagnostic.line:
        where += [str(diagnostic.line), str(diagnostic.column)]
    place = paint("place", _visible(":".join(where)))
    kind = paint(diagnostic.severity, f"{diagnostic.severity}[{diagnostic.code}]")
    if diagnostic.severity == "note":
        sentence = f"{diagnostic.path} {diagnostic.message}".strip()
        return f"{place}: {kind}: {_visible(sentence)}"
    said = ": ".join(part for part in (diagnostic.path, diagnostic.message) if part)
    rows = [f"{place}: {kind}: {_visible(said)}"]
    if diagnostic.source.strip():
        rows += _excerpt(diagnostic.source, diagnostic.column - 1, paint)
    if diagnostic.hint:
        rows.append(_visible(f"    hint: {diagnostic.hint}"))
    return "\n".join(rows)


def _excerpt(line: str, at: int, paint: Paint) -> list[str]:
    """The line around character `at` and a caret under it."""
    indent = len(line) - len(line.lstrip())
    first = max(min(indent, at), at - WIDTH // 2)
    shown = line[first : first + WIDTH].rstrip()
    gap = "".join("\t" if c == "\t" else " " for c in line[first:at])
    return [f"    {_visible(shown)}", f"    {gap}{paint('caret', '^')}"]


def _visible(text: str) -> str:
    """The text without what a terminal would act on."""
    return "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in text)
