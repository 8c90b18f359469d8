"""What is wrong, as data, in words and as annotations: what a command says of it.

As the runtime has it for scripts (`runtime/common/telling/failures.py`, `colours.py`),
which isn't imported here: NumPy would come with it, and commands start without.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

STYLES = {"error": "1;31", "note": "1;36", "place": "1", "caret": "1;31"}
HIDDEN = {"%": "%25", "\r": "%0D", "\n": "%0A"}
IN_PROPERTIES = {**HIDDEN, ":": "%3A", ",": "%2C"}
"""How GitHub's workflow commands escape (actions/toolkit, command.ts)."""


@dataclass(frozen=True)
class Failure:
    """One thing that is wrong, or that is noted: as the runtime's."""

    code: str
    message: str
    remedy: str = ""
    severity: str = "error"
    file: str = ""
    line: int = 0
    column: int = 0
    key: str = ""

    @property
    def data(self) -> dict[str, Any]:
        """As JSON has it: null where there is no such thing."""
        return {
            "severity": self.severity,
            "code": self.code,
            "message": self.message,
            "remedy": self.remedy or None,
            "file": self.file or None,
            "line": self.line or None,
            "column": self.column or None,
            "key": self.key or None,
        }

    @property
    def sentence(self) -> str:
        """The key and what is wrong."""
        return ": ".join(part for part in (self.key, self.message) if part)


def failure_json(exit_code: int, failures: Sequence[Failure], **more: Any) -> str:
    """The object: `exit_code`, `diagnostics`, and what else there is to say."""
    said = [each.data for each in failures]
    whole = {"exit_code": exit_code, "diagnostics": said, **more}
    return json.dumps(whole, indent=2, allow_nan=False)


def in_words(failure: Failure, colour: bool) -> str:
    """`file:line:column: error[NC201]: what is wrong`, and the remedy."""
    head = f"{failure.severity}[{failure.code}]"
    numbers = (str(number) for number in (failure.line, failure.column) if number)
    where = f"{':'.join((failure.file, *numbers))}: " if failure.file else ""
    remedy = f"\n  {failure.remedy}" if failure.remedy else ""
    shown = coloured(failure.severity, head) if colour else head
    return f"{_printable(where)}{shown}: {_printable(failure.sentence + remedy)}"


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
    return f"::{kind} {properties}::{_escaped(failure.sentence + remedy, HIDDEN)}"


def is_coloured(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether to colour what is written to a stream: as the runtime does."""
    if environ.get("NO_COLOR"):
        return False
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE"):
        if environ.get(name, "0") not in ("", "0"):
            return True
    if environ.get("CLICOLOR") == "0" or environ.get("TERM") == "dumb":
        return False
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # none, or closed
        return False


def coloured(kind: str, text: str) -> str:
    """The text in the style of its kind."""
    return f"\x1b[{STYLES[kind]}m{text}\x1b[0m"


def _escaped(text: str, table: Mapping[str, str]) -> str:
    return "".join(table.get(each, each) for each in text)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)
