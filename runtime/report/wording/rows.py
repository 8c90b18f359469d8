"""What a report lays out in rows, as text: the same on a page and in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...common.timing import UNCLEAR, wide
from ...evaluation.evaluation import rounded
from ...evaluation.judging.digits import said
from ...evaluation.metrics.part import SHARE
from ..comparison import FP32, RESULT
from ..document.document import Document
from ..document.figures import Accuracy, Contender, Number, Speed, Trial, limit, told
from .numbers import LABELS, beside_fp32, count, label, percent, seconds, size

NONE = "–"
"""For what is not known, or is not there."""


@dataclass(frozen=True)
class Rows:
    """A table.

    Attributes:
        heads: Of the columns; the first heads its row.
        rows: As many cells each.
        marked: Rows that stand out.
        last_is_text: Whether the last column holds words; those between are numbers.
        named_by: How many columns name a row.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    marked: frozenset[int] = frozenset()
    last_is_text: bool = True
    named_by: int = 1

    @property
    def numeric(self) -> range:
        """Columns of numbers."""
        return range(self.named_by, len(self.heads) - self.last_is_text)


def contender_rows(document: Document) -> Rows:
    """Accuracy and latency of fp32 and result, side by side."""
    timed = any(each.latency is not None for each in document.contenders)
    judged = document.accuracy
    heads = [
        "Model",
        *(f"FLOPs in {each}" for each in lowered(document)),
        *([] if judged is None else [metric_head(judged)]),
        *(["Per batch", "Beside fp32"] if timed else []),
        "",
    ]
    chosen = [k for k, each in enumerate(document.contenders) if each.key == RESULT]
    rows = [_contender(document, each, timed) for each in document.contenders]
    return Rows(heads, rows, frozenset(chosen))


def lowered(document: Document) -> tuple[str, ...]:
    """What is below fp32, in the result or in a trial."""
    int8 = document.compute.flops_int8 or any(t.flops_int8 for t in document.trials)
    return ("int8", document.precision) if int8 else (document.precision,)


def flops_shares(document: Document, of: Contender | Trial) -> tuple[float, ...]:
    """Its share of FLOPs in each precision of `lowered`."""
    whole = max(document.compute.flops, 1)
    known = {document.precision: of.flops_low, "int8": of.flops_int8}
    return tuple(known[each] / whole for each in lowered(document))


def metric_head(judged: Accuracy) -> str:
    """What heads the metric; of several numbers, what their one number may be."""
    head = heading(judged.metric)
    return f"{head} (at most 1)" if judged.metric == SHARE else head


def heading(metric: str) -> str:
    """A metric's name among words that begin large; one with letters of its own stays."""
    word = metric.partition(" ")[0]
    plain = word == word.lower() and word.replace("-", "").isalnum()
    return metric[:1].upper() + metric[1:] if plain else metric


def _value(document: Document, value: float) -> str:
    """The metric; of several numbers' shares, what is next to nothing is nothing."""
    judged = document.accuracy
    nothing = judged is not None and judged.metric == SHARE and abs(value) < 1e-9
    return rounded(0.0 if nothing else value)


def number_rows(document: Document) -> Rows | None:
    """The numbers that are judged, and what one is made of; None where it is all."""
    judged = document.accuracy
    if judged is None:
        return None
    if len(judged.numbers) + len(judged.parts) < 2 and judged.metric != SHARE:
        return None
    heads = ("Number", "fp32", "Result", "Demanded", "")
    parts = (
        (p.metric, *said(p.metric, p.fp32, p.result), NONE, "") for p in judged.parts
    )
    return Rows(heads, [*map(number_cells, judged.numbers), *parts])


def number_cells(each: Number) -> tuple[str, ...]:
    """A number that is judged: its name, fp32's, the result's, demanded, verdict."""
    fp32, result, bound = told(each)
    state = "holds" if each.holds else "misses"
    demanded = f"{limit(each)} {bound}"
    return each.metric, NONE if each.stated else fp32, result, demanded, state


def _contender(document: Document, each: Contender, timed: bool) -> tuple[str, ...]:
    fp32 = not each.flops_low and not each.flops_int8
    shares = flops_shares(document, each)
    cells = [label(each), *(NONE if fp32 else percent(share) for share in shares)]
    if document.accuracy is not None:
        cells.append(NONE if each.value is None else _value(document, each.value))
    if timed:
        known = each.latency is not None
        cells.append(seconds(each.latency.median) if each.latency else NONE)
        cells.append(beside_fp32(each) if known and each.key != FP32 else NONE)
    return (*cells, "; ".join(_notes(each)))


def _notes(each: Contender) -> Iterator[str]:
    if each.holds is not None:
        yield "criterion holds" if each.holds else "misses the criterion"
    if each.note:
        yield each.note


def performance_rows(document: Document) -> Rows | None:
    """Percentiles, throughput and memory, None where nobody asked for them."""
    found = document.performance
    if found is None:
        return None
    heads = (
        "Model",
        "Median per batch",
        "Quartiles",
        "90% within",
        "99% within",
        "Samples per second",
        "Beside fp32",
        "Peak memory",
        "File",
    )
    base = next((each for each in found.models if each.key == FP32), None)
    chosen = [k for k, each in enumerate(found.models) if each.key == RESULT]
    rows = [_speed(each, base) for each in found.models]
    return Rows(heads, rows, frozenset(chosen), last_is_text=False)


def _speed(each: Speed, base: Speed | None) -> tuple[str, ...]:
    beside = NONE
    if base is not None and each is not base and each.p50 > 0:
        low, high = base.throughput_low, base.throughput_high
        apart = each.throughput_low > high or each.throughput_high < low
        noise = "" if apart else ", within noise"
        spread = any(wide(of.low or 0.0, of.high or 0.0) for of in (each, base))
        beside = UNCLEAR if spread else f"{base.p50 / each.p50:.2f}×{noise}"
    sizes = (
        NONE if number is None else size(number)
        for number in (each.peak_bytes, each.file_bytes)
    )
    known = each.low is not None and each.high is not None
    around = f"{seconds(each.low or 0.0)} to {seconds(each.high or 0.0)}"
    times = (
        seconds(each.p50),
        around if known else NONE,
        seconds(each.p90),
        seconds(each.p99),
    )
    name = LABELS.get(each.key, each.key)
    return (name, *times, f"{each.throughput:,.1f}", beside, *sizes)


def performance_said(document: Document) -> str:
    """How that was measured."""
    found = document.performance
    if found is None:
        return ""
    bound = f" of {count(found.cores, 'core')}" if found.cores else ""
    how = f"{count(found.instances, 'instance')}{bound}, batches of {found.batch:,}"
    return "; ".join((f"Time of one batch, models in turn; {how}", *found.notes))


def trial_rows(document: Document) -> Rows:
    """The trials, in the order of the search."""
    metric = metric_head(document.accuracy) if document.accuracy else "metric"
    several = len(lowered(document)) > 1
    heads = (
        "Trial",
        *(f"FLOPs in {each}" for each in lowered(document)),
        *([f"Ops in {each}" for each in lowered(document)] if several else ["Ops"]),
        metric,
        "Verdict",
    )
    chosen = [k for k, trial in enumerate(document.trials) if trial.delivered]
    own = " (the result's placement, then)" if document.history else " (the result)"
    rows = [
        (
            f"{trial.number}",
            *map(percent, flops_shares(document, trial)),
            *([f"{trial.ops_int8:,}"] if several else []),
            f"{trial.ops_low:,}",
            NONE if trial.value is None else _value(document, trial.value),
            f"{_ended(trial)}{own if trial.delivered else ''}",
        )
        for trial in document.trials
    ]
    return Rows(heads, rows, frozenset(chosen))


def _ended(trial: Trial) -> str:
    if trial.value is None:
        first = (trial.failure.splitlines() or [""])[0]
        return f"failed: {first}" if first else "outputs were not finite"
    early = "" if trial.full else f", after {count(trial.samples or 0, 'sample')}"
    return f"{'passes' if trial.holds else 'misses'}{early}"


def judged_on(document: Document) -> str:
    """On how many samples and batches, "" where nothing was judged."""
    about, judged = document.assumed, document.accuracy
    if judged is None:
        return ""
    what = ", ".join(each.metric for each in judged.numbers)
    verb = "is" if len(judged.numbers) == 1 else "are"
    samples = "" if judged.samples is None else f" on {count(judged.samples, 'sample')}"
    known = "" if about.batches is None else f" in {about.batches:,} batches"
    batches = " in one batch" if about.batches == 1 else known
    made_up = " of random inputs" if about.made_up else ""
    return f"{what} {verb} judged{samples}{batches}{made_up}"
