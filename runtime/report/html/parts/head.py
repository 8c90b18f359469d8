"""The top of a page: the verdict, four numbers, and what the run warned of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...comparison import RESULT
from ...document.document import Document
from ...document.figures import told
from ...wording.numbers import (
    beside,
    conversion,
    count,
    percent,
    quartiles,
    seconds,
    size,
)
from ...wording.rows import heading
from ...wording.status import status
from ..elements import Markup, joined, tag


def head(document: Document) -> Markup:
    """What a reader wants first."""
    about = document.origin
    machine = about.cuda or about.cpu
    kind = conversion(document)
    parts = (kind, about.framework, machine)
    return joined(
        (
            tag("h1", document.name),
            tag("p", " · ".join(filter(None, parts)), class_="quiet"),
            tag("div", state(document), tag("p", document.verdict), class_="verdict"),
            tag("dl", *_tiles(document), class_="tiles"),
        )
    )


def state(document: Document) -> Markup:
    """The outcome as a sign and in words."""
    found = status(document)
    icon = tag("span", found.sign, aria_hidden="true")
    return tag("p", icon, f" {found.words}", class_=f"state {found.kind}")


def _tiles(document: Document) -> Iterator[Markup]:
    compute, judged = document.compute, document.accuracy
    if compute.flops_int8:
        ops = f"of FLOPs, {count(compute.ops_int8, 'op')}"
        yield _tile("In int8", percent(compute.share_int8), ops)
    ops = f"of FLOPs, {compute.ops_low:,} of {count(compute.ops, 'op')}"
    yield _tile(f"In {document.precision}", percent(compute.share), ops)
    if judged is not None:
        before, after, bound = told(judged)
        fp32 = "" if len(judged.numbers) > 1 else f"fp32 {before}, "
        yield _tile(heading(judged.metric), after, f"{fp32}{judged.limit} {bound}")
    elif document.drift is not None:
        yield _tile("Output error", f"{document.drift:.1e}", "relative, beside fp32")
    result = next((each for each in document.contenders if each.key == RESULT), None)
    if result is not None and result.latency is not None:
        took = result.latency
        value = quartiles(took) if took.noisy else seconds(took.median)
        yield _tile("Per batch", value, beside(result))
    else:
        yield _tile("Per batch", "–", document.untimed or "not timed")
    part = document.size.saved / max(document.size.fp32, 1)
    yield _tile("File", size(document.size.saved), f"{part:.0%} of the fp32 weights")


def _tile(name: str, value: str, said: str) -> Markup:
    return tag(
        "div",
        tag("dt", name),
        tag("dd", value, class_="value"),
        tag("dd", said, class_="quiet"),
    )


def warnings(document: Document) -> Markup | None:
    """What the run warned of, None for nothing."""
    return warning_box(document.warnings)


def warning_box(said: Sequence[Markup | str]) -> Markup | None:
    """Warnings in a box of their own, None for nothing."""
    if not said:
        return None
    rows = (tag("li", text) for text in said)
    title = "Warning" if len(said) == 1 else "Warnings"
    return tag(
        "section",
        tag("h2", title, id="warnings"),
        tag("ul", *rows),
        class_="warnings",
        aria_labelledby="warnings",
    )
