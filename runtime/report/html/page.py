"""A report as one page that holds all it needs: no script, no request."""

from __future__ import annotations

from collections.abc import Iterator

from ..document.document import Document
from .contenders import contenders
from .elements import Markup, joined, tag
from .head import head, warnings
from .network import network
from .ops import kept, ops
from .origin import assumed, origin, reproduce
from .style import STYLE
from .trials import trials

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser may do with the page, whatever is in it: show it."""

Section = tuple[str, str, Markup]
"""Its anchor, its heading, and what is in it."""


def page(document: Document) -> str:
    """The whole file."""
    sections = list(_sections(document))
    main = (head(document), warnings(document), *map(section, sections))
    return written(f"{document.name}: narrowcast report", sections, joined(main))


def _sections(document: Document) -> Iterator[Section]:
    yield "numbers", "Accuracy and latency", contenders(document)
    tried = trials(document)
    if tried is not None:
        yield "trials", "The search", tried
    yield "network", "The network", network(document)
    heading = "Most sensitive ops" if document.ranked_by == "error" else "Heaviest ops"
    yield "ops", heading, ops(document)
    yield "fp32", "Why ops stayed fp32", kept(document)
    yield "assumed", "What was assumed", assumed(document)
    yield "origin", "Where it comes from", origin(document)
    yield "reproduce", "How to reproduce it", reproduce(document)


def section(each: Section) -> Markup:
    """A part of the page, which its heading names."""
    anchor, heading, content = each
    return tag(
        "section", tag("h2", heading, id=anchor), content, aria_labelledby=anchor
    )


def written(title: str, sections: list[Section], main: Markup) -> str:
    """A page around what is in it."""
    links = (tag("a", heading, href=f"#{anchor}") for anchor, heading, _in in sections)
    top = (
        tag("meta", charset="utf-8"),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name_="color-scheme", content="light dark"),
        tag("title", title),
        tag("link", rel="icon", href="data:,"),
        tag("style", Markup(STYLE)),
    )
    body = (
        tag("a", "To the report", href="#main", class_="skip"),
        tag("main", main, id="main"),
        tag(
            "footer", tag("p", "Written by narrowcast; the same as data is beside it.")
        ),
    )
    nav = tag("nav", *links, aria_label="Sections")
    document = tag(
        "html", tag("head", *top), tag("body", body[0], nav, *body[1:]), lang="en"
    )
    return f"<!doctype html>\n{document}\n"
