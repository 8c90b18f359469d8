"""What was assumed, what it was made with, and how to make it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...document.document import Document
from ...wording.numbers import calibrated, searched
from ...wording.rows import judged_on
from ..elements import Markup, joined, tag
from ..tables import Cell, figures, laid_out


def assumed(document: Document) -> Markup:
    """Inputs, samples, sizes that were judged."""
    about = document.assumed
    heads = ("Input", "Shape", "Type", *(["Made up"] if about.made_up else []))
    rows = [
        (each.name, each.shape or "–", each.dtype or "–", each.drawn)[: len(heads)]
        for each in about.inputs
    ]
    inputs = laid_out("Inputs", heads, rows) if rows else None
    said = [tag("li", text) for text in _said(document)]
    return joined((inputs, tag("ul", *said) if said else None))


def _said(document: Document) -> Iterator[str]:
    about, on = document.assumed, judged_on(document)
    if on:
        yield f"{on}, on the saved file in a fresh process."
    if int8 := calibrated(document):
        yield f"{int8}."
    yield from about.read
    if about.made_up:
        yield "There was no data: inputs were made up, and say nothing of real values."
    yield from about.said


def origin(document: Document) -> Markup:
    """Hardware, versions, files."""
    about = document.origin
    machine = about.cuda or about.cpu
    target = "" if about.is_target else " (not the target: nothing was timed)"
    rows: list[tuple[Cell, Cell]] = [
        ("Framework", about.framework),
        ("Machine", f"{machine}, {about.architecture}, {about.system}{target}"),
        ("narrowcast", f"{document.narrowcast} on Python {about.python}"),
        (
            "Made",
            tag(
                "time",
                document.made.replace("T", " ").replace("Z", " UTC"),
                datetime=document.made,
            ),
        ),
        ("Search", searched(document)),
        ("Spec", _file(about.spec, about.spec_sha256)),
        ("Script", _file(about.script)),
        ("Plan", _file(about.plan)),
        ("Model", _file(about.model, about.model_sha256)),
        ("Package", _file(about.package)),
        ("Graph", _file("", about.graph)),
        *(
            (KINDS.get(kind, kind), _files(files))
            for kind, files in about.files.items()
        ),
        ("Settings of fp32", _settings(about.switches)),
    ]
    return figures(rows)


KINDS = {"model": "Weights", "data": "Data", "python": "Modules"}
"""Kind of files → what they are, for people."""


def _files(files: Mapping[str, str | None]) -> Markup:
    rows = (tag("div", _file(name, digest or "")) for name, digest in files.items())
    return joined(rows)


def _settings(switches: Mapping[str, str]) -> Markup:
    return joined(
        tag("div", tag("code", f"{name} = {value}")) for name, value in switches.items()
    )


def _file(name: str, digest: str = "") -> Markup:
    """A file and the start of its sha256; all of it is in the JSON."""
    file = tag("code", name) if name else None
    short = tag("span", f" sha256 {digest[:16]}…", class_="quiet", title=digest)
    return joined((file, short if digest else None))


def reproduce(document: Document) -> Markup:
    """Commands, to be typed in the report's folder."""
    rows = (
        tag(
            "div",
            tag("dt", what),
            tag("dd", tag("pre", tag("code", command), tabindex=0)),
        )
        for what, command in document.reproduce.items()
    )
    return tag("dl", *rows, class_="commands")
