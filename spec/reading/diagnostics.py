"""What is to be said of a spec and where; the one way it is shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Step = str | int
Steps = tuple[Step, ...]
"""Keys and list indices from the top of the document to one value."""

WIDTH = 96


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
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str = ""
    source: str = ""
    severity: Literal["error", "note"] = "error"


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


def format_diagnostic(diagnostic: Diagnostic) -> str:
    """`file:line:column: path: message`, the line with a caret, the hint.

    A note is one line: `file:line:column: note: path message`.
    """
    where = [diagnostic.file]
    if diagnostic.line:
        where += [str(diagnostic.line), str(diagnostic.column)]
    head = ":".join(where)
    if diagnostic.severity == "note":
        sentence = f"{diagnostic.path} {diagnostic.message}".strip()
        return _visible(f"{head}: note: {sentence}")
    said = [head, diagnostic.path, diagnostic.message]
    rows = [_visible(": ".join(part for part in said if part))]
    if diagnostic.source.strip():
        rows += _excerpt(diagnostic.source, diagnostic.column - 1)
    if diagnostic.hint:
        rows.append(_visible(f"    hint: {diagnostic.hint}"))
    return "\n".join(rows)


def _excerpt(line: str, at: int) -> list[str]:
    """The line around character `at` and a caret under it."""
    indent = len(line) - len(line.lstrip())
    first = max(min(indent, at), at - WIDTH // 2)
    shown = line[first : first + WIDTH].rstrip()
    gap = "".join("\t" if c == "\t" else " " for c in line[first:at])
    return [f"    {_visible(shown)}", f"    {gap}^"]


def _visible(text: str) -> str:
    """The text without what a terminal would act on."""
    return "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in text)
