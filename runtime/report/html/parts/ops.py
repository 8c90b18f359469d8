"""The ops that matter most, and those that stayed fp32, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import starmap

from ....graph.pins import reasoned
from ...document.document import Document
from ...document.network import Kept, OpRow
from ...wording.numbers import WHYS, aside, count, flops, gained, percent
from ...wording.rows import lowered
from ..elements import Markup, joined, tag
from ..tables import laid_out

FIRST = 12
"""Rows that are seen; the others open."""

SEEN = 4
"""Reasons of one kind that are seen."""

NAMED = 200
"""Ops of one reason that are named; the plan names all."""


def ops(document: Document) -> Markup:
    """Those that harm most if the search asked, else the heaviest."""
    by_error = document.ranked_by == "error"
    if by_error:
        said = (
            f"What each op alone, in {_alone(document)}, is predicted to change in the "
            "outputs, as a share of the squared error of all. Pinning an op takes its "
            f"FLOPs out of {' or '.join(lowered(document))}."
        )
    else:
        said = (
            "The ops with most FLOPs. No trial failed, so nothing was asked about the "
            "error of single ops."
        )
    first, rest = document.ops[:FIRST], document.ops[FIRST:]
    more = None
    if rest:
        summary = tag("summary", f"{count(len(rest), 'op')} more")
        more = tag("details", summary, _table(document, rest, "Further ops"))
    caption = "Most sensitive ops" if by_error else "Heaviest ops"
    lead = tag("p", said, class_="quiet")
    return joined((lead, _table(document, first, caption), more))


def _alone(document: Document) -> str:
    """What ops were estimated in."""
    one, *others = lowered(document)
    return "its fewest bits" if others else one


def _table(document: Document, rows: Sequence[OpRow], caption: str) -> Markup:
    by_error = document.ranked_by == "error"
    heads = ["Op", "Computes in"]
    if by_error:
        alone = f"Alone, in {_alone(document)}, changes outputs by"
        heads += ["Share of error", alone]
    heads += ["FLOPs", "Reason, and what pinning costs"]
    numeric = range(2, len(heads) - 1)
    cells = [_cells(document, row) for row in rows]
    return laid_out(caption, heads, cells, numeric, seen=False)


def _cells(document: Document, row: OpRow) -> Sequence[Markup | str]:
    where = aside(row.id, row.scope)
    small = f"{row.type} {where}" if where else row.type
    name = joined((tag("code", row.id), tag("small", small)))
    cells: list[Markup | str] = [name, badge(document, row.precision)]
    if document.ranked_by == "error":
        cells += [_share(row), "" if row.error is None else f"{row.error:.1e}"]
    part = row.flops / max(document.compute.flops, 1)
    return (*cells, percent(part), _reason(document, row))


def badge(document: Document, precision: str) -> Markup:
    """A precision, told by its word and by its form."""
    kinds = {document.precision: "low", "int8": "int8"}
    kind = kinds.get(precision, "fp32")
    return tag("span", precision, class_=f"badge {kind}")


def _share(row: OpRow) -> Markup:
    share = 0.0 if row.share is None else min(max(row.share, 0.0), 1.0)
    bar = tag(
        "span", style=f"width:{share * 100:.1f}%", class_="share", aria_hidden="true"
    )
    said = "–" if row.share is None else percent(row.share)
    return joined((said, tag("span", bar, class_="under")))


def _reason(document: Document, row: OpRow) -> str:
    if row.why:
        gain = f"; would gain {gained(row.gain, document.unit)}" if row.gain else ""
        return f"{reasoned(row.why, row.text)}{gain}"
    cost = (
        f"pinning it costs {flops(row.flops)}"
        if row.flops
        else "pinning it costs no FLOPs"
    )
    return f"{cost} in {row.precision}"


def kept(document: Document, held: Sequence[Kept]) -> Markup:
    """Why ops stayed fp32, or above int8."""
    if not held:
        return tag("p", "No op that could carry a precision stayed fp32.")
    groups: dict[str, list[Kept]] = {}
    for each in held:
        groups.setdefault(each.why, []).append(each)
    return joined(_group(document, why, rows) for why, rows in groups.items())


def _group(document: Document, why: str, rows: Sequence[Kept]) -> Markup:
    number = sum(len(each.ops) for each in rows)
    share = sum(each.flops for each in rows) / max(document.compute.flops, 1)
    said = f" — {count(number, 'op')}, {percent(share)} of FLOPs"
    head = tag("h3", WHYS.get(why, why), tag("span", said, class_="quiet"))
    items = list(_reasons(rows))
    first, rest = items[:SEEN], items[SEEN:]
    more = None
    if rest:
        summary = tag("summary", f"{count(len(rows) - SEEN, 'reason')} more")
        more = tag("details", summary, tag("ul", *rest, class_="kept"))
    return joined((head, tag("ul", *first, class_="kept"), more))


def _named(name: str, scope: str) -> Markup:
    """An op, and where it is where its id does not say so."""
    where = aside(name, scope)
    small = tag("small", f"({where}) ") if where else None
    return joined((tag("code", name), " ", small))


def _reasons(rows: Sequence[Kept]) -> Iterator[Markup]:
    room = NAMED
    for each in rows:
        names, room = each.ops[:room], max(room - len(each.ops), 0)
        if names:
            codes = starmap(
                _named, zip(names, each.scopes or [""] * len(names), strict=False)
            )
            more = len(each.ops) - len(names)
            rest = f"and {more} more" if more else None
            named = tag("div", *codes, rest, class_="names")
            yield tag("li", tag("span", each.text), named)
    left = sum(len(each.ops) for each in rows) - NAMED
    if left > 0:
        said = f"{count(NAMED, 'op')} are named here; the plan names all"
        yield tag("li", said, class_="quiet")
