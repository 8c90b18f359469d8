"""Several runs side by side: the first is what the others are held against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..comparison import FP32, PREPARED, RESULT
from ..document.document import FORMAT, Document, Outcome
from ..document.figures import Contender, Number
from ..document.typed_data import plain
from .differing import differing
from .numbers import beside_fp32, count, percent, precisions, searched, seconds, size
from .rows import NONE, Rows, number_cells
from .status import status

OUTCOMES = {
    Outcome.HOLDS: "criterion holds",
    Outcome.MISSED: "criterion NOT met",
    Outcome.UNCHECKED: "not judged",
}


@dataclass(frozen=True)
class Changed:
    """How a run's ops differ from the first run's, where the graph is the same.

    Attributes:
        lowered: Ops that stayed fp32 there and do not here.
        kept: Ops that stay fp32 here and did not there.
    """

    lowered: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True)
class Runs:
    """What is compared.

    Attributes:
        names: Of the runs: files as the user named them.
        documents: Their reports.
    """

    names: tuple[str, ...]
    documents: tuple[Document, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The names, short."""
        pairs = [_short(name) for name in self.names]
        known = [label for label, _failed in pairs]
        return tuple(
            f"{label}, failed" if failed and known.count(label) > 1 else label
            for label, failed in pairs
        )

    @property
    def differs(self) -> tuple[str, ...]:
        """Of each run but the first, what else it was made of; "" for nothing."""
        first, *others = self.documents
        return tuple(differing(first, other) for other in others)

    @property
    def changes(self) -> tuple[Changed | None, ...]:
        """Of each run but the first; None where it is of another graph."""
        first, *others = self.documents
        return tuple(changed(first, other) for other in others)


def _short(name: str) -> tuple[str, bool]:
    """A run's name, and whether its file is one of a run that missed."""
    failed = name.endswith(".report.failed.json")
    ending = ".report.failed.json" if failed else ".report.json"
    return name.removesuffix(ending), failed


def changed(first: Document, other: Document) -> Changed | None:
    """How ops differ; None where the graph does."""
    if first.origin.graph != other.origin.graph:
        return None
    before, after = _fp32(first), _fp32(other)
    return Changed(
        tuple(name for name in before if name not in after),
        tuple(name for name in after if name not in before),
    )


def _fp32(document: Document) -> dict[str, None]:
    return dict.fromkeys(name for each in document.fp32 for name in each.ops)


def data(runs: Runs) -> dict[str, Any]:
    """The comparison as JSON's data."""
    return {
        "format": FORMAT,
        "runs": [
            {"file": name, "report": plain(document)}
            for name, document in zip(runs.names, runs.documents, strict=True)
        ],
        "differs": list(runs.differs),
        "changes": [None if each is None else plain(each) for each in runs.changes],
    }


def side_by_side(runs: Runs) -> Rows:
    """A row for each number, a column for each run."""
    rows = [
        (what, *(say(document) for document in runs.documents))
        for what, say in _numbers()
    ]
    told = [row for row in rows if any(cell != NONE for cell in row[1:])]
    return Rows(("", *runs.labels), told, last_is_text=False)


def _int8(document: Document, said: str) -> str:
    return said if document.compute.ops_int8 else NONE


def _numbers() -> Iterator[tuple[str, Callable[[Document], str]]]:
    yield "Model", lambda each: each.name
    yield "Precision", precisions
    yield "Outcome", _outcome
    yield "FLOPs in int8", lambda each: _int8(each, percent(each.compute.share_int8))
    yield "Ops in int8", lambda each: _int8(each, f"{each.compute.ops_int8:,}")
    yield "FLOPs in 16 bits", lambda each: percent(each.compute.share)
    yield (
        "Ops in 16 bits",
        lambda each: f"{each.compute.ops_low:,} of {each.compute.ops:,}",
    )
    yield "Casts", lambda each: f"{each.compute.casts:,}"
    yield "Judged on", _judged_on
    yield "Output error", _drift
    yield "Time of a batch: fp32, as loaded", lambda each: _time(each, FP32)
    yield "Time of a batch: fp32, prepared", lambda each: _time(each, PREPARED)
    yield "Time of a batch: result", lambda each: _time(each, RESULT)
    yield "Time of a batch: result beside fp32", _speed
    yield "File", lambda each: size(each.size.saved)
    yield "Search", lambda each: searched(each) or NONE
    yield "Objective", lambda each: each.objective
    yield "Framework", lambda each: each.origin.framework or NONE
    yield "Machine", lambda each: each.origin.cuda or each.origin.cpu or NONE
    yield "narrowcast", lambda each: each.narrowcast
    yield "Made", lambda each: each.made.replace("T", " ").replace("Z", " UTC")


def _outcome(document: Document) -> str:
    if document.outcome is Outcome.HOLDS:
        words = status(document).words
        return f"{words[0].lower()}{words[1:]}"
    return OUTCOMES[document.outcome]


def _judged_on(document: Document) -> str:
    judged, about = document.accuracy, document.assumed
    if judged is None:
        return NONE
    made_up = "random inputs" if about.made_up else ""
    samples = "" if judged.samples is None else count(judged.samples, "sample")
    return ", ".join(filter(None, (samples, made_up))) or NONE


def judged_rows(runs: Runs) -> Rows | None:
    """All numbers that are judged: each of every run, those of a name together."""
    found: dict[str, list[tuple[str, Number]]] = {}
    for name, document in zip(runs.labels, runs.documents, strict=True):
        for number in () if document.accuracy is None else document.accuracy.numbers:
            found.setdefault(number.metric, []).append((name, number))
    rows = [
        (metric, name, *number_cells(number)[1:])
        for metric, pairs in found.items()
        for name, number in pairs
    ]
    heads = ("Number", "Run", "fp32", "Result", "Demanded", "")
    return Rows(heads, rows, named_by=2) if rows else None


def warned(runs: Runs) -> Iterator[tuple[str, str]]:
    """Run and warning: how it differs from the first, then what it warned of itself."""
    for name, said in zip(runs.labels[1:], runs.differs, strict=True):
        if said:
            yield name, said
    for name, document in zip(runs.labels, runs.documents, strict=True):
        for warning in document.warnings:
            yield name, warning


def _drift(document: Document) -> str:
    return NONE if document.drift is None else f"{document.drift:.1e}"


def _contender(document: Document, key: str) -> Contender | None:
    return next((each for each in document.contenders if each.key == key), None)


def _time(document: Document, key: str) -> str:
    found = _contender(document, key)
    known = None if found is None else found.latency
    return NONE if known is None else seconds(known.median)


def _speed(document: Document) -> str:
    found = _contender(document, RESULT)
    return NONE if found is None else beside_fp32(found) or NONE


MOST = 20
"""Ops that are named; JSON has all."""


def changes(runs: Runs) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Run, what is so of its ops beside the first run, and which, as far as named."""
    for name, change in zip(runs.labels[1:], runs.changes, strict=True):
        if change is None:
            yield name, "is of another graph: its ops are not compared", ()
            continue
        pairs = ((change.lowered, "no longer fp32"), (change.kept, "now in fp32"))
        for ops, said in pairs:
            if ops:
                more = f", of which {MOST} are named" if len(ops) > MOST else ""
                yield name, f"{count(len(ops), 'op')} {said}{more}", ops[:MOST]
        if not change.lowered and not change.kept:
            yield name, "the same ops are fp32", ()
