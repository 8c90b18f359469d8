"""`narrowcast report`: what runs did, from the files that they wrote."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import STDOUT
from .saying import begin, done, failure, refused, whole
from .telling.formats import Format as Asked

if TYPE_CHECKING:
    from narrowcast.runtime.report.document.document import Document


class Format(StrEnum):
    """What is written."""

    md = "md"
    html = "html"
    json = "json"


def report(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN…",
            help="Reports, plans, a fleet.json, or folders of one of them.",
        ),
    ] = None,
    format: Annotated[
        Format | None,
        typer.Option("--format", help="md if nothing is said, or as -o FILE ends."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where it goes; - prints it."
        ),
    ] = None,
    schema: Annotated[
        bool,
        typer.Option("--schema", help="Print the JSON Schema of NAME.report.json."),
    ] = False,
) -> None:
    """Show the report of a run, or compare several: the first is what counts.

    Reads what runs wrote beside their plans; no model, no framework.
    """
    from narrowcast.runtime.common.errors import NarrowcastError

    if output == STDOUT:
        output = None
    if format is Format.json and output is None:
        begin(Asked.json)
    try:
        text = _schema() if schema else _told(runs or [], _format(format, output))
        if output is None:
            whole(text)
            return
        changed = _write(output, text)
    except NarrowcastError as error:
        raise refused(error) from error
    said = f"{'wrote' if changed else 'unchanged:'} {output}"
    done(said, output=str(output), changed=changed)


def _write(output: Path, text: str) -> bool:
    """As `narrowcast generate` writes a file; whether it changed.

    Raises:
        typer.Exit: It can't be written, or what is there is no file, which is told.
    """
    from narrowcast.codegen import OutputError, write

    try:
        return write(output, text, force=True)
    except OutputError as error:
        raise failure(str(error), error.code) from error


def _format(asked: Format | None, output: Path | None) -> Format:
    """What is written.

    Raises:
        typer.Exit: Neither option says it, which is told.
    """
    if asked is not None:
        return asked
    if output is None:
        return Format.md
    ending = output.suffix.removeprefix(".").lower()
    if ending in list(Format):
        return Format(ending)
    known = ", ".join(f".{each}" for each in Format)
    raise failure(
        f"{output} does not end as a report does: {known}\n"
        "Name it so, or say what is written with --format."
    )


def _schema() -> str:
    from narrowcast.runtime.common.strict_json import json_text
    from narrowcast.runtime.report.document.document import TITLE, Document
    from narrowcast.runtime.report.document.typed_data import schema

    return json_text(schema(Document, TITLE))


def _told(paths: Sequence[Path], format: Format) -> str:
    """One report, or a comparison of several."""
    from narrowcast.fleet.index import reports
    from narrowcast.runtime.common.errors import ReportError
    from narrowcast.runtime.common.files import shown
    from narrowcast.runtime.report.document.files import found_document, read_document

    if not paths:
        raise ReportError("no run is named", "Name a report, a plan or a folder.")
    files = [
        document
        for path in paths
        for document in reports(path) or (found_document(path),)
    ]
    documents = tuple(map(read_document, files))
    if len(documents) == 1:
        return _one(documents[0], format)
    return _several(tuple(map(shown, files)), documents, format)


def _one(document: Document, format: Format) -> str:
    from narrowcast.runtime.report.document.files import document_text
    from narrowcast.runtime.report.document.typed_data import plain
    from narrowcast.runtime.report.html.page import page
    from narrowcast.runtime.report.wording.markdown import markdown

    if format is Format.json:
        return document_text(plain(document))
    return page(document) if format is Format.html else markdown(document)


def _several(
    names: tuple[str, ...], documents: tuple[Document, ...], format: Format
) -> str:
    from narrowcast.runtime.report.document.files import document_text
    from narrowcast.runtime.report.html.runs import runs_page
    from narrowcast.runtime.report.wording.markdown import runs_markdown
    from narrowcast.runtime.report.wording.runs import Runs, data

    runs = Runs(names, documents)
    if format is Format.json:
        return document_text(data(runs))
    return runs_page(runs) if format is Format.html else runs_markdown(runs)
