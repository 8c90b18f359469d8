"""The network, coloured by precision: all ops as a strip, and the modules as a tree."""

from __future__ import annotations

from collections.abc import Iterator

from ...document.document import Document
from ...document.network import Module, Stretch
from ...wording.numbers import aside, count, flops, percent
from ..elements import Markup, joined, tag

WIDTH, HEIGHT = 1000.0, 28.0

OPEN = 40
"""Rows that are open at first, at most."""


def network(document: Document) -> Markup:
    """The strip, what its colours mean, and the tree."""
    whole = document.network
    tree = tag("ul", *_rows(document, whole), class_="tree")
    return joined((_strip(document), _legend(document), tree if whole.parts else None))


def _legend(document: Document) -> Markup:
    int8 = [("int8", "int8")] if document.network.ops_int8 else []
    names = (*int8, (document.precision, "low"), ("fp32", "fp32"))
    keys = (
        tag("span", tag("i", class_=f"key {kind}"), f" {name} ") for name, kind in names
    )
    note = "bars: share of a module's FLOPs; percentages: its part of the whole"
    return tag("p", *keys, tag("span", note, class_="quiet"), class_="legend")


def _strip(document: Document) -> Markup:
    """A cell for each op, in the order of the graph; fp32 is hatched."""
    total = max(sum(each.ops for each in document.order), 1)
    cells, at = list[Markup](), 0
    for each in document.order:
        x, width = at / total * WIDTH, each.ops / total * WIDTH
        cells += _cell(each, x, width)
        at += each.ops
    compute, int8 = document.compute, document.network.ops_int8
    low = (
        f"{compute.ops_low:,} of {count(compute.ops, 'op')} in {document.precision}, "
        if not int8
        else f"{int8:,} of {count(compute.ops, 'op')} in int8, "
        f"{compute.ops_low:,} in {document.precision}, "
    )
    said = (
        f"{low}{compute.ops - compute.ops_low - int8:,} in fp32, from the inputs at the "
        "left to the outputs at the right."
    )
    hatch = tag(
        "pattern",
        tag("rect", width=6, height=6, class_="fp32"),
        tag("path", d="M0 6 6 0M-1 1 1 -1M5 7 7 5", class_="hatch"),
        id="hatch",
        width=6,
        height=6,
        patternUnits="userSpaceOnUse",
    )
    picture = tag(
        "svg",
        tag("title", "All ops in the order of the graph, by precision"),
        tag("desc", said),
        tag("defs", hatch),
        *cells,
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
        preserveAspectRatio="none",
        role="img",
    )
    return tag("figure", picture, tag("figcaption", said), class_="strip")


def _cell(each: Stretch, x: float, width: float) -> Iterator[Markup]:
    int8 = round(_share(each.ops_int8, each.ops) * HEIGHT, 1)
    where = aside(each.first, each.scope)
    first = f"{each.first} ({where})" if where else each.first
    name = tag(
        "title", f"{first}{'' if each.ops == 1 else f' and {each.ops - 1} more'}"
    )
    low = round(min(_share(each.ops_low, each.ops) * HEIGHT, HEIGHT - int8), 1)
    fp32 = HEIGHT - low - int8
    if fp32 > 0:
        yield _rect(name, x, 0, width, fp32, "fp32")
    if low > 0:
        yield _rect(name, x, fp32, width, low, "low")
    if int8 > 0:
        yield _rect(name, x, HEIGHT - int8, width, int8, "int8")


def _share(part: int, whole: int) -> float:
    return min(max(part / max(whole, 1), 0.0), 1.0)


def _rect(
    name: Markup, x: float, y: float, width: float, height: float, kind: str
) -> Markup:
    return tag(
        "rect",
        name,
        x=round(x, 2),
        y=round(y, 1),
        width=round(width, 2),
        height=round(height, 1),
        class_=f"cell {kind}",
    )


def _rows(document: Document, whole: Module) -> Iterator[Markup]:
    budget = [OPEN]
    for part in whole.parts:
        yield _row(document, part, whole, budget)
    yield from _folded(whole)


def _row(
    document: Document, module: Module, outer: Module, budget: list[int]
) -> Markup:
    """A module; one with ops of both precisions in it is open, while there is room."""
    budget[0] -= 1
    head = _head(document, module, outer)
    if not module.parts:
        return tag("li", tag("div", *head, class_="row"))
    parts = (module.ops_low, module.ops_int8)
    mixed = any(0 < part < module.ops for part in parts)
    is_open = mixed and len(module.parts) <= budget[0]
    inner = [
        _row(document, each, module, budget if is_open else [0])
        for each in module.parts
    ]
    rows = tag("ul", *inner, *_folded(module))
    whole = tag("details", tag("summary", *head, class_="row"), rows, open=is_open)
    return tag("li", whole)


def _folded(module: Module) -> Iterator[Markup]:
    if module.folded:
        said = f"{count(module.folded, 'smaller part')} more, with little or no compute"
        yield tag("li", tag("div", said, class_="row quiet"))


def _head(document: Document, module: Module, outer: Module) -> Iterator[Markup]:
    name = module.path
    if outer.path and name.startswith(outer.path):
        name = name[len(outer.path) :].lstrip("._/") or name
    types = ", ".join(
        f"{kind} ×{number}" if number > 1 else kind
        for kind, number in list(module.types.items())[:3]
    )
    more = "…" if len(module.types) > 3 else ""
    small = tag("small", f"{types}{more}") if types and not module.parts else None
    yield tag("span", tag("code", name), small, class_="name")
    yield _split(module)
    share = module.flops / max(document.compute.flops, 1)
    yield tag("span", percent(share), class_="n", title=flops(module.flops))
    yield tag("span", _precision(document, module), class_="of")


def _precision(document: Document, module: Module) -> str:
    """How many ops of it are in what; of one precision its name alone."""
    counted = {
        "int8": module.ops_int8,
        document.precision: module.ops_low,
        "fp32": module.ops - module.ops_int8 - module.ops_low,
    }
    held = {name: number for name, number in counted.items() if number}
    if len(held) == 1:
        return f"{count(module.ops, 'op')} {next(iter(held))}"
    lower = (f"{number:,} {name}" for name, number in held.items() if name != "fp32")
    if "int8" in held:
        return f"{', '.join(lower)} of {count(module.ops, 'op')}"
    return f"{module.ops_low:,} of {count(module.ops, 'op')} {document.precision}"


def _split(module: Module) -> Markup:
    """Its FLOPs by precision; without any, its ops."""
    int8, low, all_ = (
        (module.flops_int8, module.flops_low, module.flops)
        if module.flops
        else (module.ops_int8, module.ops_low, module.ops)
    )
    fills = (
        tag("span", style=f"width:{_share(part, all_) * 100:.1f}%", class_=kind)
        for part, kind in ((int8, "int8"), (low, "low"))
        if part or kind == "low"
    )
    return tag("span", *fills, class_="split", aria_hidden="true")
