"""Tables that are read by columns, wide ones by scrolling them alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..wording.rows import Rows
from .elements import Markup, tag

Cell = Markup | str


def table(caption: str, content: Rows) -> Markup:
    """A table of text, under a heading that says what it is."""
    return laid_out(
        caption,
        content.heads,
        content.rows,
        content.numeric,
        content.marked,
        seen=False,
    )


def laid_out(
    caption: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    numeric: Iterable[int] = (),
    marked: Iterable[int] = (),
    seen: bool = True,
) -> Markup:
    """A table whose rows are headed by their first cell.

    On narrow screens a row is a paragraph, in which each number has its column's name.
    Roles keep it a table for those who hear it.

    Args:
        numeric: Columns whose cells end at the right.
        marked: Rows that stand out.
        seen: Whether its caption is: one that is not is heard.
    """
    right, bold = frozenset(numeric), frozenset(marked)
    cells = (
        tag(
            "th",
            each,
            scope="col",
            role="columnheader",
            class_="n" if k in right else None,
        )
        for k, each in enumerate(heads)
    )
    body = (
        tag(
            "tr",
            *(_cell(heads, k, each, k in right) for k, each in enumerate(row)),
            role="row",
            class_="marked" if number in bold else None,
        )
        for number, row in enumerate(rows)
    )
    whole = tag(
        "table",
        tag("caption", caption, class_=None if seen else "heard"),
        tag("thead", tag("tr", *cells, role="row"), role="rowgroup"),
        tag("tbody", *body, role="rowgroup"),
        role="table",
    )
    return tag(
        "div", whole, class_="wide", role="region", aria_label=caption, tabindex=0
    )


def _cell(heads: Sequence[str], column: int, child: Cell, right: bool) -> Markup:
    if not column:
        number = heads[0] if child.isdecimal() else None
        return tag("th", child, scope="row", role="rowheader", data_label=number)
    said = heads[column] if right else None
    kind = "n" if right else None
    return tag("td", child, role="cell", data_label=said, class_=kind)


def figures(rows: Iterable[tuple[Cell, Cell]]) -> Markup:
    """A list of names, each with what it is."""
    pairs = (
        tag("div", tag("dt", name), tag("dd", value)) for name, value in rows if value
    )
    return tag("dl", *pairs, class_="facts")
