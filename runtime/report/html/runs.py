"""Several runs on one page."""

from __future__ import annotations

from collections.abc import Iterator

from ..wording.runs import Runs, changes, judged_rows, side_by_side, warned
from .elements import Markup, joined, tag
from .page import Section, written
from .parts.head import state, warning_box
from .tables import table


def runs_page(runs: Runs) -> str:
    """The whole file."""
    title = " and ".join(dict.fromkeys(each.name for each in runs.documents))
    sections: list[Section] = [
        ("verdicts", "Verdicts", _verdicts(runs)),
        *_judged(runs),
        ("numbers", "Side by side", table("Runs, side by side", side_by_side(runs))),
        ("ops", "Ops", _ops(runs)),
    ]
    heading = tag("h1", f"{title}: {len(runs.names)} runs")
    rows = [joined((tag("code", name), f": {said}")) for name, said in warned(runs)]
    top = joined((heading, warning_box(rows)))
    return written(f"{title}: narrowcast runs", top, sections)


def _judged(runs: Runs) -> Iterator[Section]:
    rows = judged_rows(runs)
    if rows is not None:
        yield "judged", "Numbers that are judged", table("Judged, by number", rows)


def _verdicts(runs: Runs) -> Markup:
    return joined(
        joined(
            (
                tag("h3", tag("code", name)),
                tag("div", state(each), tag("p", each.verdict), class_="verdict"),
            )
        )
        for name, each in zip(runs.labels, runs.documents, strict=True)
    )


def _ops(runs: Runs) -> Markup:
    return joined(
        tag(
            "div",
            tag("p", tag("code", name), f": {said}"),
            tag("p", *(joined((tag("code", op), " ")) for op in ops), class_="names"),
        )
        for name, said, ops in changes(runs)
    )
