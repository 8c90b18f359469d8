"""What commands say beside their output: notes and errors, in the format asked for.

Text and annotations go to standard error as they come. JSON is one object on standard
output, in which everything is gathered, and what the command printed else.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from narrowcast.runtime.common.telling.colours import coloured, is_coloured
from narrowcast.runtime.common.telling.failures import Failure, failure_json

from .telling.failures import annotation, in_words
from .telling.formats import Format

if TYPE_CHECKING:
    from narrowcast.runtime.common.errors import NarrowcastError
    from narrowcast.spec import Diagnostic

USAGE = "NC801"
BAD = 2


@dataclass
class _Said:
    """What the command says.

    Attributes:
        format: How.
        failures: What was said, for JSON.
        results: What was done, for JSON.
        ended: Whether the JSON object was printed.
    """

    format: Format = Format.text
    failures: list[Failure] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    ended: bool = False


_said = _Said()


def begin(format: Format = Format.text) -> Format:
    """Say all that follows in this format; nothing was said yet."""
    global _said
    _said = _Said(format)
    return format


def is_json() -> bool:
    """Whether standard output is one JSON object."""
    return _said.format is Format.json


def say(text: str) -> None:
    """Print it on standard error."""
    if not is_json():
        typer.echo(text, err=True, color=True)


def goes_on(text: str) -> None:
    """Print on standard error what goes on meanwhile, in every format."""
    typer.echo(text, err=True)


def done(text: str, /, nl: bool = True, **result: Any) -> None:
    """Print what was done on standard output; as JSON, keep it.

    Args:
        nl: Whether the text ends with a line break of its own.
        result: The same as data.
    """
    if is_json():
        _said.results.append(result)
    else:
        typer.echo(text, nl=nl)


def whole(text: str) -> None:
    """Print what is all of standard output: a JSON object, or what stands for it."""
    _said.ended = True
    typer.echo(text.removesuffix("\n"))


def with_failures(exit_code: int, data: Mapping[str, Any]) -> str:
    """The JSON object: what was said, and data beside it."""
    return failure_json(exit_code, _said.failures, **data)


def failure(
    text: str, code: str = USAGE, exit_code: int = BAD, file: Path | None = None
) -> typer.Exit:
    """Tell an error; what ends the command.

    Args:
        text: What is wrong, and in further lines what can be done about it.
        file: Where.
    """
    message, _, remedy = text.removeprefix("error: ").partition("\n")
    where = "" if file is None else str(file)
    _tell([Failure(code, message, " ".join(remedy.split()), file=where)])
    return typer.Exit(exit_code)


def refused(error: NarrowcastError) -> typer.Exit:
    """Tell an error of the runtime's; what ends the command."""
    _tell([Failure(error.error_code, error.message, error.remedy)])
    return typer.Exit(error.exit_code)


def wrong(diagnostics: Iterable[Diagnostic]) -> typer.Exit:
    """Tell a spec's mistakes; what ends the command."""
    _tell_of_spec(diagnostics)
    return typer.Exit(BAD)


def tell(notices: Sequence[Diagnostic], strict: bool) -> None:
    """Tell the notes; as errors, which end the command, where that is asked for.

    Raises:
        typer.Exit: There are notes, and `strict`.
    """
    if strict and notices:
        raise wrong(replace(notice, severity="error") for notice in notices)
    _tell_of_spec(notices)


def finish(exit_code: int) -> None:
    """Print the JSON object, if that is asked for: nothing comes after it."""
    if not is_json() or _said.ended:
        return
    results = {"results": _said.results} if _said.results else {}
    typer.echo(failure_json(exit_code, _said.failures, **results))


def spill() -> None:
    """Print in words what is kept for JSON: the object is another program's."""
    for each in _said.failures if is_json() else ():  # said already, in other formats
        typer.echo(in_words(each, is_coloured(sys.stderr)), err=True, color=True)
    begin()


def _tell(failures: Sequence[Failure]) -> None:
    _said.failures += failures
    for each in failures:
        github = _said.format is Format.github
        say(annotation(each) if github else in_words(each, is_coloured(sys.stderr)))


def _tell_of_spec(diagnostics: Iterable[Diagnostic]) -> None:
    from narrowcast.spec import format_diagnostic
    from narrowcast.spec.reading.diagnostics import plain

    paint = coloured if is_coloured(sys.stderr) else plain
    for each in diagnostics:
        kept = _of_spec(each)
        _said.failures.append(kept)
        text = _said.format is Format.text
        say(format_diagnostic(each, paint) if text else annotation(kept))


def _of_spec(diagnostic: Diagnostic) -> Failure:
    return Failure(
        str(diagnostic.code),
        diagnostic.message,
        diagnostic.hint,
        diagnostic.severity,
        diagnostic.file,
        diagnostic.line,
        diagnostic.column,
        diagnostic.path,
    )
