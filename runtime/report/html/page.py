"""A report as one page that holds all it needs: no script, no request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..document.document import Document
from .elements import Markup, joined, tag
from .parts.contenders import contenders
from .parts.head import head, warnings
from .parts.network import network
from .parts.ops import kept, ops
from .parts.origin import assumed, origin, reproduce
from .parts.trials import trials
from .style import STYLE

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser may do with the page, whatever is in it: show it."""

Section = tuple[str, str, Markup]
"""Its anchor, its heading, and what is in it."""


def page(document: Document) -> str:
    """The whole file."""
    sections = list(_sections(document))
    top = joined((head(document), warnings(document)))
    return written(f"{document.name}: narrowcast report", top, sections)


def _sections(document: Document) -> Iterator[Section]:
    yield "numbers", "Accuracy and latency", contenders(document)
    tried = trials(document)
    if tried is not None:
        yield "trials", "The search", tried
    yield "network", "The network", network(document)
    heading = "Most sensitive ops" if document.ranked_by == "error" else "Heaviest ops"
    yield "ops", heading, ops(document)
    yield "fp32", "Why ops stayed fp32", kept(document, document.fp32)
    if document.above_int8:
        yield "int8", "Why ops are above int8", kept(document, document.above_int8)
    yield "assumed", "What was assumed", assumed(document)
    yield "origin", "Where it comes from", origin(document)
    yield "reproduce", "How to reproduce it", reproduce(document)


def section(each: Section) -> Markup:
    """A part of the page, which its heading names."""
    anchor, heading, content = each
    return tag(
        "section", tag("h2", heading, id=anchor), content, aria_labelledby=anchor
    )


def written(title: str, top: Markup, sections: Sequence[Section]) -> str:
    """A page: what is seen first, links to the sections, and they."""
    links = (tag("a", heading, href=f"#{anchor}") for anchor, heading, _in in sections)
    head = (
        tag("meta", charset="utf-8"),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name_="color-scheme", content="light dark"),
        tag("title", title),
        tag("link", rel="icon", href="data:,"),
        tag("style", Markup(STYLE)),
    )
    nav = tag("nav", *links, aria_label="On this page")
    footer = "Written by narrowcast. NAME.report.json beside it has the same as data."
    body = (
        tag("main", top, nav, *map(section, sections)),
        tag("footer", tag("p", footer)),
    )
    document = tag("html", tag("head", *head), tag("body", *body), lang="en")
    return f"<!doctype html>\n{document}\n"
