"""What is wrong, in words and as annotations: what a command says of it."""

from __future__ import annotations

from collections.abc import Mapping

from narrowcast.runtime.common.telling.colours import coloured
from narrowcast.runtime.common.telling.failures import Failure
from narrowcast.runtime.common.telling.progress import printable

HIDDEN = {"%": "%25", "\r": "%0D", "\n": "%0A"}
IN_PROPERTIES = {**HIDDEN, ":": "%3A", ",": "%2C"}
"""How GitHub's workflow commands escape (actions/toolkit, command.ts)."""


def in_words(failure: Failure, colour: bool) -> str:
    """`file:line:column: error[NC201]: what is wrong`, and the remedy."""
    head = f"{failure.severity}[{failure.code}]"
    numbers = (str(number) for number in (failure.line, failure.column) if number)
    where = f"{':'.join((failure.file, *numbers))}: " if failure.file else ""
    remedy = f"\n  {failure.remedy}" if failure.remedy else ""
    shown = coloured(failure.severity, head) if colour else head
    return f"{printable(where)}{shown}: {printable(_sentence(failure) + remedy)}"


def annotation(failure: Failure) -> str:
    """The command by which GitHub marks a line of a file."""
    places = {
        "file": failure.file,
        "line": failure.line,
        "col": failure.column,
        "title": f"narrowcast {failure.code}",
    }
    properties = ",".join(
        f"{key}={_escaped(str(value), IN_PROPERTIES)}"
        for key, value in places.items()
        if value
    )
    remedy = f"\n{failure.remedy}" if failure.remedy else ""
    kind = "notice" if failure.severity == "note" else "error"
    return f"::{kind} {properties}::{_escaped(_sentence(failure) + remedy, HIDDEN)}"


def _sentence(failure: Failure) -> str:
    """The key and what is wrong."""
    return ": ".join(part for part in (failure.key, failure.message) if part)


def _escaped(text: str, table: Mapping[str, str]) -> str:
    return "".join(table.get(each, each) for each in text)
