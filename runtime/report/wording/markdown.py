"""A report in Markdown, for a pull request: what names it holds are text there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import starmap

from ...common.telling.progress import printable
from ...graph.pins import reasoned
from ..document.document import Document
from ..document.network import Kept
from .numbers import WHYS, aside, calibrated, conversion, count, percent, searched, size
from .rows import (
    NONE,
    Rows,
    contender_rows,
    judged_on,
    number_rows,
    performance_rows,
    performance_said,
    trial_rows,
)
from .runs import Runs, changes, judged_rows, side_by_side, warned
from .status import status

MOST = 10
"""Rows of a list; the page has more."""


def markdown(document: Document) -> str:
    """One run."""
    return "\n".join(_lines(document)) + "\n"


def runs_markdown(runs: Runs) -> str:
    """Several, side by side."""
    return "\n".join(_compared(runs)) + "\n"


def _sign(document: Document) -> str:
    found = status(document)
    return f"{found.mark} **{found.words}.**"


def _compared(runs: Runs) -> Iterator[str]:
    for name, each in zip(runs.labels, runs.documents, strict=True):
        yield f"- {code(name)}: {_sign(each)} {text(each.verdict)}"
    yield ""
    for name, said in warned(runs):
        yield f"> **Warning:** {code(name)}: {text(said)}"
        yield ""
    judged = judged_rows(runs)
    if judged is not None:
        yield from table(judged)
        yield ""
    yield from table(side_by_side(runs))
    yield ""
    for name, said, ops in changes(runs):
        names = f": {', '.join(map(code, ops))}" if ops else ""
        yield f"- {code(name)}: {text(said)}{names}"


def _lines(document: Document) -> Iterator[str]:
    about = document.origin
    yield f"### {text(document.name)}: {conversion(document)}"
    yield ""
    yield f"{_sign(document)} {text(document.verdict)}"
    yield ""
    yield from _listed("Warning", document.warnings)
    yield from table(contender_rows(document))
    yield ""
    on = judged_on(document)
    if on:
        yield f"{text(on)}."
        yield ""
    numbers = number_rows(document)
    if numbers is not None:
        yield from table(numbers)
        yield ""
    performance = performance_rows(document)
    if performance is not None:
        yield from table(performance)
        yield ""
        yield f"{text(performance_said(document))}."
        yield ""
    part = document.size.saved / max(document.size.fp32, 1)
    yield (
        f"{size(document.size.saved)} file, {part:.0%} of the fp32 weights; "
        f"search: {text(searched(document))}; {text(about.framework)}, {text(about.cuda or about.cpu)}."
    )
    yield from _folded("Trials", _trials(document))
    yield from _folded(_ops_title(document), _ops(document))
    yield from _folded("Why ops stayed fp32", _kept(document.fp32))
    yield from _folded("Why ops are above int8", _kept(document.above_int8))
    yield from _folded("What was assumed", [f"- {text(s)}" for s in _assumed(document)])
    yield from _folded("How to reproduce it", _commands(document))


def _listed(what: str, rows: Iterable[str]) -> Iterator[str]:
    for row in rows:
        yield f"> **{what}:** {text(row)}"
        yield ""


def _folded(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield f"<details><summary>{title}</summary>"
        yield ""
        yield from lines
        yield ""
        yield "</details>"


def _trials(document: Document) -> list[str]:
    said = [f"{text(document.history)}", ""] if document.history else []
    return [*said, *table(trial_rows(document))] if document.trials else said


def _ops_title(document: Document) -> str:
    by_error = document.ranked_by == "error"
    return "Most sensitive ops" if by_error else "Heaviest ops"


def _ops(document: Document) -> list[str]:
    heads = ("Op", "Share of error", "FLOPs", "Computes in", "Reason")
    rows = [
        (
            _named(row.id, row.scope),
            NONE if row.share is None else percent(row.share),
            percent(row.flops / max(document.compute.flops, 1)),
            row.precision,
            text(reasoned(row.why, row.text) if row.why else ""),
        )
        for row in document.ops[:MOST]
    ]
    return list(table(Rows(heads, rows), ready=True)) if rows else []


def _kept(rows: Sequence[Kept]) -> list[str]:
    lines = []
    for each in rows[:MOST]:
        scopes = each.scopes or ("",) * len(each.ops)
        names = ", ".join(starmap(_named, zip(each.ops[:MOST], scopes, strict=False)))
        more = len(each.ops) - MOST
        rest = f" and {more} more" if more > 0 else ""
        lines.append(
            f"- {WHYS.get(each.why, text(each.why))}: {text(each.text)}: {names}{rest}"
        )
    if len(rows) > MOST:
        lines.append(f"- {count(len(rows) - MOST, 'reason')} more, see the plan")
    return lines


def _named(name: str, scope: str) -> str:
    """An op, and where it is where its id does not say so."""
    where = aside(name, scope)
    return f"{code(name)} ({code(where)})" if where else code(name)


def _assumed(document: Document) -> Iterator[str]:
    on = judged_on(document)
    if on:
        yield f"{on}, on the saved file in a fresh process"
    if int8 := calibrated(document):
        yield int8
    yield from document.assumed.read
    for each in document.assumed.inputs:
        yield f"{each.name}: {each.dtype} {each.shape} {each.drawn}"
    if document.assumed.made_up:
        yield "there was no data: inputs were made up"
    yield from document.assumed.said


def _commands(document: Document) -> list[str]:
    commands = map(_line, document.reproduce.values())
    return ["```", *commands, "```"] if document.reproduce else []


def table(rows: Rows, ready: bool = False) -> Iterator[str]:
    """A table; numbers end at the right.

    Args:
        ready: Whether its cells are Markdown already.
    """
    write = str if ready else text
    numeric = rows.numeric
    yield _row(map(text, rows.heads))
    yield _row("--:" if k in numeric else "---" for k in range(len(rows.heads)))
    for number, row in enumerate(rows.rows):
        cells = [write(cell) for cell in row]
        bold = number in rows.marked
        yield _row(f"**{cell}**" if bold and cell else cell for cell in cells)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


STEERS = re.compile(r"[\\`*{}\[\]<>|~&$!]|(?<!\w)_|_(?!\w)|^[-+=#]")
"""What may steer Markdown, where it stands."""

LISTED = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")


def text(words: str) -> str:
    """Words as text: they name nobody, link nowhere, and end no cell."""
    escaped = LISTED.sub(r"\1\\\2", STEERS.sub(r"\\\g<0>", _line(words)))
    return escaped.replace("@", "@\u200b").replace("://", ":\u200b//")


def code(words: str) -> str:
    """A name as code, whatever is in it."""
    line = _line(words).replace("|", "\\|")
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    space = " " if longest else ""
    return f"{fence}{space}{line}{space}{fence}"


def _line(words: str) -> str:
    return " ".join(printable(words).split())
