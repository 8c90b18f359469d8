"""Accuracy and latency of fp32 as loaded, as prepared, and of the result."""

from __future__ import annotations

from ...comparison import RESULT
from ...document.document import Document
from ...document.figures import Contender
from ...wording.numbers import label, quartiles, seconds
from ...wording.rows import (
    contender_rows,
    number_rows,
    performance_rows,
    performance_said,
)
from ..elements import Markup, joined, tag
from ..tables import table


def contenders(document: Document) -> Markup:
    """A table; where they were timed, a bar for each below it."""
    found = contender_rows(document)
    timed = [each for each in document.contenders if each.latency is not None]
    whole = table("Accuracy and latency, side by side", found)
    several = number_rows(document)
    numbers = None if several is None else table("Numbers that are judged", several)
    bars, untimed = _bars(timed), _untimed(document)
    return joined((whole, numbers, bars, untimed, _performance(document)))


def _performance(document: Document) -> Markup | None:
    rows = performance_rows(document)
    if rows is None:
        return None
    said = tag("p", f"{performance_said(document)}.", class_="quiet")
    heading = tag("h3", "Performance")
    return joined((heading, said, table("Percentiles, throughput and memory", rows)))


def _bars(timed: list[Contender]) -> Markup | None:
    """Medians as bars, with the quartiles as a band at their ends."""
    longest = max((each.latency.high for each in timed if each.latency), default=0.0)
    if not 0.0 < longest < float("inf"):
        return None
    rows = [
        tag(
            "div",
            tag("span", label(each), class_="of"),
            _bar(each, longest),
            tag("span", seconds(each.latency.median), class_="n"),
            class_="bar marked" if each.key == RESULT else "bar",
        )
        for each in timed
        if each.latency is not None
    ]
    said = (
        "Seconds for one batch: the median of interleaved runs; half of them were "
        "within the band at a bar's end."
    )
    drawn = tag("div", *rows, class_="bars", aria_hidden="true")
    return tag("figure", drawn, tag("figcaption", said))


def _bar(each: Contender, longest: float) -> Markup:
    latency = each.latency
    assert latency is not None
    left, right = latency.low / longest * 100, latency.high / longest * 100
    band = f"left:{left:.2f}%;width:{max(right - left, 0.4):.2f}%"
    return tag(
        "span",
        tag(
            "span", style=f"width:{latency.median / longest * 100:.2f}%", class_="fill"
        ),
        tag("span", style=band, class_="band", title=quartiles(latency)),
        class_="track",
    )


def _untimed(document: Document) -> Markup | None:
    if not document.untimed:
        return None
    return tag("p", f"Latency: {document.untimed}.", class_="quiet")
